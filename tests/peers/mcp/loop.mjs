// A tool of the protocol's own reference server in the loop of a run: at once, after somebody's word, refused, and with the server gone.
// Arguments: the command that starts Selvage, and the program that is the provider.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { start } from "../selvage.mjs";
import { everything } from "./everything.mjs";

const QUESTION = "Say it back: fünf";
const ECHO = "everything__echo";
const ECHOED = "Echo: fünf";

async function startProvider(program) {
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, origin: line.replace("listening on ", "") };
}

async function addServer(ada, origin) {
  const body = { name: "everything", url: `${origin}/mcp`, transport: "streamable-http" };
  const { status, body: server } = await ada("POST", "/api/mcp-servers", body);
  assert.equal(status, 201, JSON.stringify(server));
  const chosen = await ada("PATCH", `/api/mcp-servers/${server.id}`, { enabled_tools: ["echo"] });
  assert.deepEqual(chosen.body.enabled_tools, ["echo"]);
  return server;
}

async function approval(ada, mode) {
  const { status, body } = await ada("PATCH", "/api/settings", { mcp: { approval: mode } });
  assert.equal(status, 200, JSON.stringify(body));
}

async function converse(ada) {
  return (await ada("POST", "/api/conversations", {})).body.id;
}

async function run(ada, conversation) {
  const { status, body: events } = await ada("POST", `/api/conversations/${conversation}/runs`, { content: QUESTION });
  assert.equal(status, 200, JSON.stringify(events));
  assert.deepEqual(events.map((event) => event.id), events.map((_, n) => n + 1));
  return events;
}

// What the events are, with the pieces of a text as one.
function names(events) {
  return events.map((event) => event.name).filter((name, n, all) => name !== "message.delta" || all[n - 1] !== name);
}

function text(events) {
  return events.filter((event) => event.name === "message.delta").map((event) => event.data.text).join("");
}

const ASKED = ["run.created", "message.tool_call", "message.completed"];
const ANSWERED = ["message.tool_result", "message.delta", "message.completed", "run.completed"];

// What the conversation keeps: the question, the call, what the tool gave, the answer.
async function checkMessages(ada, conversation, result) {
  const { body } = await ada("GET", `/api/conversations/${conversation}/messages`);
  assert.deepEqual(body.data.map((message) => message.role), ["user", "assistant", "tool", "assistant"]);
  const [, { content: [call] }, { content: [given] }, answer] = body.data;
  assert.deepEqual([call.type, call.name, call.arguments], ["tool_call", ECHO, { message: "fünf" }]);
  assert.deepEqual([given.tool_call_id, given.content], [call.id, result]);
  assert.equal(answer.content, `The tool says: ${result}`);
}

async function checkAtOnce(ada) {
  await approval(ada, "never");
  const conversation = await converse(ada);
  const events = await run(ada, conversation);
  assert.deepEqual(names(events), [...ASKED, ...ANSWERED]);
  const result = events.find((event) => event.name === "message.tool_result").data;
  assert.deepEqual([result.content, result.is_error], [ECHOED, false]);
  assert.equal(text(events), `The tool says: ${ECHOED}`);
  await checkMessages(ada, conversation, ECHOED);
  console.log("ok   a tool is called and its result told");
}

// Stops at the call, and goes on as it is decided. Gives the events after the decision.
async function decide(ada, conversation, approve) {
  await approval(ada, "always");
  const events = await run(ada, conversation);
  assert.deepEqual(names(events), [...ASKED, "message.approval_required"]);
  const { run: { id, status }, approvals: [waiting] } = events.at(-1).data;
  assert.equal(status, "queued");
  assert.deepEqual([waiting.server_name, waiting.tool, waiting.arguments], ["everything", "echo", { message: "fünf" }]);
  const seen = await ada("GET", `/api/runs/${id}`);
  assert.deepEqual([seen.body.status, seen.body.approvals], ["queued", [waiting]]);

  const path = `/api/runs/${id}/approvals`;
  const { tool_call_id, digest } = waiting;
  const another = await ada("POST", path, { approvals: [{ tool_call_id, digest: digest.replace(/^./, "x"), approve: true }] });
  assert.equal(another.status, 422, "another call than was shown");
  const decided = await ada("POST", path, { approvals: [{ tool_call_id, digest, approve }] });
  assert.equal(decided.status, 200, JSON.stringify(decided.body));
  assert.deepEqual(names(decided.body), ANSWERED);
  assert.equal(decided.body[0].id, events.at(-1).id + 1);
  assert.equal((await ada("POST", path, { approvals: [{ tool_call_id, digest, approve }] })).status, 409, "it waits no more");
  const all = await ada("GET", `/api/runs/${id}/events`);
  assert.deepEqual(all.body, [...events, ...decided.body]);
  return decided.body;
}

async function checkApproved(ada) {
  const conversation = await converse(ada);
  const events = await decide(ada, conversation, true);
  assert.deepEqual([events[0].data.content, events[0].data.is_error], [ECHOED, false]);
  await checkMessages(ada, conversation, ECHOED);
  console.log("ok   a run waits for somebody's word and goes on");
}

async function checkDenied(ada) {
  const conversation = await converse(ada);
  const [{ data: { content, is_error } }] = await decide(ada, conversation, false);
  assert(is_error && content.includes("refused") && !content.includes("fünf"), content);
  await checkMessages(ada, conversation, content);
  console.log("ok   the model is told of a call that was refused");
}

async function checkGone(ada, child) {
  const over = once(child, "exit");
  child.kill("SIGKILL");
  await over;
  const events = await run(ada, await converse(ada));
  assert.deepEqual(names(events), ["run.created", "message.delta", "message.completed", "run.completed"]);
  console.log("ok   a server that is gone has no tools, and the model answers without");
}

const [command, program] = process.argv.slice(2);
const [server, provider] = [await everything("streamableHttp"), await startProvider(program)];
const variables = { openai_base_url: `${provider.origin}/v1`, openai_api_key: "sk-of-tests" };
const open = [server, provider].flatMap(({ origin }) => ["--allow-origin", origin]);
const selvage = await start(command, open, variables);
try {
  const ada = await selvage.signUp("ada@example.com");
  await addServer(ada, server.origin);
  await checkAtOnce(ada);
  await checkApproved(ada);
  await checkDenied(ada);
  await checkGone(ada, server.child);
} finally {
  for (const { child } of [server, provider]) child.kill("SIGKILL");
  await selvage.stop();
}
process.exit(0); // Connections that are kept alive would keep this alive too.
