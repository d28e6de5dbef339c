// One live socket for one user: subscribes, pings, comes back by itself.

import { readFrame } from "./frames.js";
import { proof } from "./proof.js";
import { inApp } from "./root.js";

const RECONNECT_MS = 5_000; // on average: pages that lost a worker together come back apart
const PING_MS = 30_000;
const FIRST_REFUSAL = 4000; // codes from here on are ours: whoever comes back is refused again

const reconnectDelay = () => RECONNECT_MS * (0.5 + Math.random());

const socketUrl = () => {
  const url = inApp("ws");
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
};

/**
 * Keep a socket open for `userId`.
 *
 * `version` is what the page shows: what it missed is sent to it, and nothing else.
 * `onLink("connecting" | "live" | "lost" | "refused")` tells the state of the socket,
 * `onBalance(balance)` each balance that arrived and is not older than the one before.
 */
export function openChannel(userId, { version = 0, onLink, onBalance }) {
  let newest = version;
  let shows = version; // null after a balance of legacy's, which has none
  let pinging = null;

  const receive = (text) => {
    const frame = readFrame(text);
    if (frame?.type === "subscribed") onLink("live");
    if (frame?.type !== "balance") return;
    if (frame.version !== null && frame.version < newest) return;
    newest = frame.version ?? newest;
    shows = frame.version;
    onBalance(frame);
  };

  const connect = () => {
    const socket = new WebSocket(socketUrl());
    const say = (message) => socket.send(JSON.stringify(message));
    onLink("connecting");
    socket.onopen = () => {
      say({ type: "subscribe", userId, ...(shows === null ? {} : { version: shows }), ...proof() });
      pinging = setInterval(() => say({ type: "ping", timestamp: Date.now() }), PING_MS);
    };
    socket.onmessage = (event) => receive(event.data);
    socket.onclose = ({ code, reason }) => {
      clearInterval(pinging);
      if (code >= FIRST_REFUSAL) {
        console.warn(`The server refused the page (${code}): ${reason}`);
        onLink("refused");
        return;
      }
      onLink("lost");
      setTimeout(connect, reconnectDelay());
    };
  };

  connect();
}
