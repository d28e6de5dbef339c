// On the page for whoever is not signed in: inside Telegram, ask for the page again with the proof.

import { proof } from "./proof.js";

const { initData } = proof();

if (initData) {
  // The answer takes the place of this page, so that it works where no cookie is kept as well.
  const answer = await fetch(window.location.href, {
    headers: { Authorization: `tma ${initData}` },
    cache: "no-store",
  });
  if (answer.ok) {
    const page = await answer.text();
    document.open();
    document.write(page);
    document.close();
  }
}
