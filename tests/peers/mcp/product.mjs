// The protocol's own reference server, as an account of the real Selvage has it: registered, tested, its tools kept and chosen, and gone.
// One argument: the command that starts Selvage.

import assert from "node:assert/strict";
import { once } from "node:events";

import { start } from "../selvage.mjs";
import { everything } from "./everything.mjs";

const TRANSPORTS = [
  { transport: "streamable-http", argument: "streamableHttp", path: "/mcp" },
  { transport: "sse", argument: "sse", path: "/sse" },
];

async function check(ada, { transport, path }, { child, origin }) {
  const refused = await ada("POST", "/api/mcp-servers", { name: "closed", url: `${origin.replace(/\d+$/, "9")}${path}`, transport });
  assert.equal(refused.status, 422, "another port is not open");

  const body = { name: `everything over ${transport}`, url: origin + path, transport, secret: { "x-token": "hunter2-hunter2" } };
  const { status, body: created } = await ada("POST", "/api/mcp-servers", body);
  assert.equal(status, 201, JSON.stringify(created));
  assert.deepEqual([created.tools, created.tools_at, created.has_secret], [[], null, true]);
  const one = `/api/mcp-servers/${created.id}`;

  const before = Date.now();
  const { body: tested } = await ada("POST", `${one}/test`);
  assert.equal(tested.ok, true, JSON.stringify(tested));
  const names = tested.tools.map((tool) => tool.name);
  for (const name of ["echo", "get-sum", "get-tiny-image"]) assert(names.includes(name), `${names}`);

  const { body: kept } = await ada("GET", one);
  assert.deepEqual(kept.tools, tested.tools);
  assert.deepEqual(kept.server, tested.server);
  assert(before - 1000 <= Date.parse(kept.tools_at) && Date.parse(kept.tools_at) <= Date.now() + 1000, kept.tools_at);
  assert(!JSON.stringify([created, tested, kept]).includes("hunter2"));

  const { body: toggled } = await ada("PATCH", one, { enabled_tools: ["echo"] });
  assert.deepEqual([toggled.enabled_tools, toggled.tools], [["echo"], tested.tools]);
  const { body: begun } = await ada("GET", "/api/config");
  assert.deepEqual(begun.mcp_servers.find((server) => server.id === created.id), toggled);

  const over = once(child, "exit");
  child.kill("SIGKILL");
  await over;
  const { status: answered, body: gone } = await ada("POST", `${one}/test`);
  assert.deepEqual([answered, gone.ok, gone.error, gone.tools], [200, false, "unreachable", []]);
  assert(!JSON.stringify(gone).includes("127.0.0.1"));
  assert.deepEqual((await ada("GET", one)).body, toggled, "what was known of it stays");
  console.log(`ok   ${names.length} tools over ${transport}: listed, kept, chosen; the server gone, they stay`);
}

const servers = [];
for (const { argument } of TRANSPORTS) servers.push(await everything(argument));
const selvage = await start(process.argv[2], servers.flatMap(({ origin }) => ["--allow-origin", origin]));
try {
  const ada = await selvage.signUp("ada@example.com");
  for (const [n, way] of TRANSPORTS.entries()) await check(ada, way, servers[n]);
} finally {
  for (const { child } of servers) child.kill("SIGKILL");
  await selvage.stop();
}
process.exit(0); // Connections that are kept alive would keep this alive too.
