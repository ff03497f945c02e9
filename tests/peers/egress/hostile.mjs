// See ../egress.test. Two arguments: a directory with the URLs, and the program.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { freePort, start } from "../selvage.mjs";
import { PUBLIC, begun, listen, resolve } from "./network.mjs";

const ROUNDS = 200;
const AT_ONCE = 8;

const [, , work, program] = process.argv;
const urls = JSON.parse(readFileSync(`${work}/urls.json`));

const model = (url) => ({ name: `m${Math.random()}`, provider: "openai-compatible", model: "m", base_url: url });
const key = (url) => ({ provider: "openai", name: "k", value: "sk-0123456789abcdef", base_url: url });
const server = (transport) => (url) => ({ name: `s${Math.random()}`, transport, url });

// All fields that take a URL of somebody who is not the operator's: who may fill them in, where, and with what around it.
const FIELDS = [
  { who: "ada", name: "models", path: "/api/models", pointer: "/base_url", make: model },
  { who: "admin", name: "system models", path: "/api/system/models", pointer: "/base_url", make: model },
  { who: "ada", name: "keys", path: "/api/keys", pointer: "/base_url", make: key, again: { value: "sk-0123456789abcdef" }, untested: true },
  { who: "ada", name: "MCP servers over streamable-http", path: "/api/mcp-servers", pointer: "/url", make: server("streamable-http") },
  { who: "ada", name: "MCP servers over sse", path: "/api/mcp-servers", pointer: "/url", make: server("sse") },
  { who: "admin", name: "system MCP servers over streamable-http", path: "/api/system/mcp-servers", pointer: "/url", make: server("streamable-http") },
  { who: "admin", name: "system MCP servers over sse", path: "/api/system/mcp-servers", pointer: "/url", make: server("sse") },
];

// One session may send 600 requests a minute, so a person's requests go out from several sessions in turn.
const SESSIONS = 24;

async function withSessions(selvage, email) {
  const person = await selvage.signUp(email);
  const calls = [person];
  while (calls.length < SESSIONS) calls.push(await person.again());
  let next = 0;
  return (...args) => calls[next++ % calls.length](...args);
}

async function inTurn(items, work) {
  const left = items.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const item of left) await work(item);
  }));
}

async function make(call, field, url) {
  const { status, body } = await call("POST", field.path, field.make(url));
  assert.equal(status, 201, `${field.path} ${url}: ${JSON.stringify(body)}`);
  return `${field.path}/${body.id}`;
}

// What was connected to while this ran. The connections of this very test to the server are not counted.
async function during(selvage, called, work) {
  const [before, own] = [begun(), selvage.opened];
  called.length = 0;
  await work();
  return { called: [...called], begun: begun() - before - (selvage.opened - own) };
}

async function hostileUrls(selvage, people, called, asked) {
  assert(600 <= urls.length, `${urls.length}`);
  for (const field of FIELDS) {
    const call = people[field.who];
    const path = await make(call, field, "https://api.example.com/v1");
    asked.clear();
    const seen = await during(selvage, called, () => inTurn(urls, async (url) => {
      const created = await call("POST", field.path, field.make(url));
      const [, name] = field.pointer.split("/");
      const changed = await call("PATCH", path, { [name]: url, ...field.again });
      for (const { status, body } of [created, changed]) {
        assert.equal(status, 422, `${field.path} ${JSON.stringify(url)}: ${JSON.stringify(body)}`);
        assert.deepEqual(body.errors.map((error) => error.pointer), [field.pointer]);
      }
    }));
    assert.deepEqual(seen, { called: [], begun: 0 }, field.path);
    assert.deepEqual([...asked.keys()], [], "nobody was even looked up");
    await call("DELETE", path);
    console.log(`ok   ${urls.length} URLs at POST and PATCH of ${field.name}: nobody was called, no name was looked up`);
  }
}

async function changingNames(selvage, people, called, asked) {
  for (const [n, field] of FIELDS.filter(({ untested }) => !untested).entries()) {
    const call = people[field.who];
    for (const kind of ["rebind", "both"]) {
      const name = `${kind}.${n}.example.com`;
      const path = await make(call, field, `https://${name}/v1`);
      const { called: hit } = await during(selvage, called, () => inTurn(Array(ROUNDS).fill(path), async () => {
        const { status, body } = await call("POST", `${path}/test`);
        assert.deepEqual([status, body.ok], [200, false], JSON.stringify(body));
        assert(!/127\.0|169\.254|93\.184/.test(JSON.stringify(body)));
      }));
      const elsewhere = hit.filter((address) => address !== PUBLIC);
      assert.deepEqual(elsewhere, [], `${field.path} ${name}`);
      assert(ROUNDS <= asked.get(name), `asked ${asked.get(name)} times`);
      assert(0 < hit.length, "the name leads somewhere at times");
      await call("DELETE", path);
      console.log(`ok   ${ROUNDS} tests of ${field.name} at a name that leads to this machine (${kind}): ${hit.length} calls of its public address, 0 of others`);
    }
  }
}

async function redirects(selvage, people, called, origin) {
  for (const field of FIELDS.filter(({ untested }) => !untested)) {
    const call = people[field.who];
    const path = await make(call, field, `${origin}/v1`);
    const seen = await during(selvage, called, async () => {
      const { body } = await call("POST", `${path}/test`);
      assert.deepEqual([body.ok, body.error], [false, "bad_answer"], JSON.stringify(body));
    });
    assert.deepEqual(seen.called, []);
    await call("DELETE", path);
  }
  console.log("ok   redirects to this machine and to a metadata service are not followed");
}

const targets = ["http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/"];
let redirected = 0;
const redirector = createServer((request, response) => {
  redirected += 1;
  response.writeHead(redirected % 2 ? 302 : 307, { location: targets[redirected % targets.length] }).end();
});
const port = await freePort();
redirector.listen(port, "127.0.0.1");
await once(redirector, "listening");
const origin = `http://127.0.0.1:${port}`;

const [called, asked] = [await listen(), await resolve()];
const options = ["--no-build", "--state-dir", `'${work}/state'`, "--allow-origin", origin];
const selvage = await start(`exec ${program} up`, options);
try {
  const people = { ada: await withSessions(selvage, "ada@example.com"), admin: await withSessions(selvage, "admin@example.com") };
  execFileSync(program, ["admin", "promote", "admin@example.com", "--state-dir", `${work}/state`]);
  await hostileUrls(selvage, people, called, asked);
  await changingNames(selvage, people, called, asked);
  await redirects(selvage, people, called, origin);
  assert(redirected >= 6, `${redirected}`);
} finally {
  await selvage.stop();
}
process.exit(0); // Connections that are kept alive would keep this alive too.
