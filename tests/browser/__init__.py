"""What a browser shows: headless Chromium against a running application."""
