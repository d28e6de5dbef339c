// Starts Unleash on the port that is given; it is told its database and tokens by the environment.
import { start } from "unleash-server";

await start({
  server: { port: Number(process.argv[2]), host: "127.0.0.1" },
  versionCheck: { enable: false },
  telemetry: false,
});
