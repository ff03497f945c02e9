// The protocol's own reference server on a free port.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

import { freePort } from "../selvage.mjs";

const EVERYTHING = new URL("node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url).pathname;

// The argument says which transport: "streamableHttp" or "sse".
export async function everything(argument) {
  const port = await freePort();
  const child = spawn(process.execPath, [EVERYTHING, argument], { env: { ...process.env, PORT: port }, stdio: "ignore" });
  for (let tries = 0; tries < 600; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    const isListening = await once(socket, "connect").then(() => true, () => false);
    socket.destroy();
    if (isListening) return { child, origin: `http://127.0.0.1:${port}` };
    await wait(100);
  }
  throw new Error("server-everything did not start");
}
