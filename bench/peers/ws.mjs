// Node's ws, as its documentation has it: `node ws.mjs PORT`, run where `ws` is installed.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setImmediate, setTimeout } from "node:timers/promises";

const { WebSocketServer } = createRequire(`${process.cwd()}/`)("ws");
const users = new Map(); // user id -> { version, at, pad, sockets }
const monotonic = () => Number(process.hrtime.bigint()) / 1e9;

const say = (socket, message) => socket.send(JSON.stringify(message));

function frame(userId, { version, at, pad }) {
  return JSON.stringify({
    type: "balance_update", userId,
    balanceData: {
      balanceUni: version, balanceTon: at, changes: { uni: 1, ton: 0 },
      sources: ["farming"], timestamp: "2026-01-01T00:00:00.000Z",
    },
    version, since: version - 1, pad,
  });
}

function update(userId, user) {
  user.version += 1;
  user.at = monotonic();
  const text = frame(userId, user);
  for (const socket of user.sockets) if (socket.readyState === 1) socket.send(text);
}

const orders = {
  async push({ rounds, ahead }) {
    for (let n = 0; n < rounds; n++) {
      for (const [userId, user] of users) {
        if (n % ahead === 0)
          for (const socket of user.sockets) while (socket.bufferedAmount) await setImmediate();
        update(userId, user);
      }
    }
    return { pushed: rounds * users.size };
  },
  async pace({ rounds, hz, pad }) {
    let due = monotonic();
    for (const user of users.values()) user.pad = "x".repeat(pad);
    for (let n = 0; n < rounds; n++) {
      for (const [userId, user] of users) update(userId, user);
      due += 1 / hz;
      await setTimeout(Math.max((due - monotonic()) * 1e3, 0));
    }
    return { pushed: rounds * users.size };
  },
  async update({ seconds }) {
    const until = monotonic() + seconds;
    let accepted = 0, final = 0;
    while (monotonic() < until) {
      for (const [userId, user] of users) { update(userId, user); final = user.version; }
      accepted += users.size;
      await setImmediate();
    }
    return { accepted, final };
  },
  async state() {
    const fields = readFileSync("/proc/self/status", "utf8");
    const kb = /VmRSS:\s+(\d+)/.exec(fields)[1], threads = /Threads:\s+(\d+)/.exec(fields)[1];
    const { user, system } = process.cpuUsage();
    return { pid: process.pid, rss: kb * 1024, threads: Number(threads), cpu_us: user + system };
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://127.0.0.1");
  const numbers = Object.fromEntries([...url.searchParams].map(([k, v]) => [k, Number(v)]));
  response.end(JSON.stringify(await orders[url.pathname.split("/")[2]](numbers)));
});

new WebSocketServer({ server, path: "/ws" }).on("connection", (socket) => {
  say(socket, { type: "connection_established", connectionId: String(Math.random()) });
  let subscribed = null;
  socket.on("message", (data) => {
    const { userId } = JSON.parse(data);
    const user = users.get(userId) ?? { version: 0, at: 0, pad: "", sockets: new Set() };
    users.set(userId, user);
    user.sockets.add(socket);
    subscribed = user;
    say(socket, { type: "subscription_confirmed", userId });
    if (user.version) socket.send(frame(userId, user));
  });
  socket.on("close", () => subscribed?.sockets.delete(socket));
  socket.on("error", () => {});
});
server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
