// What Telegram says of who opened the page, in its own words; nothing in an ordinary browser.

/** `{initData}` for whoever asks for proof, `{}` where there is none. */
export function proof() {
  const initData = window.Telegram?.WebApp?.initData
    || new URLSearchParams(window.location.hash.slice(1)).get("tgWebAppData");
  return initData ? { initData } : {};
}
