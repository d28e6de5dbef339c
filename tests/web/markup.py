"""Reads from a page what a test asks about."""

from html.parser import HTMLParser


class Markup(HTMLParser):
    """The text of each element with a `data-testid`, and every address that the page names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.addresses: list[str] = []
        self._open: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the element while it is open."""
        named = dict(attrs)
        self.addresses += [value for key in ("src", "href") if (value := named.get(key))]
        name = named.get("data-testid")
        if name is not None:
            self.texts.setdefault(name, "")
            self.attributes[name] = named
        if tag not in ("meta", "link", "br", "circle", "path"):
            self._open.append((tag, name))

    def handle_endtag(self, tag: str) -> None:
        """Close the newest element of that tag."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Add the text to every named element that is open."""
        for _, name in self._open:
            if name is not None:
                self.texts[name] += data
