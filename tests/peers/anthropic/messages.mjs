// Anthropic's SDK for Node, unmodified. Environment: SELVAGE_URL, SELVAGE_KEY.
import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.SELVAGE_URL, apiKey: process.env.SELVAGE_KEY, maxRetries: 0 });
const question = { role: "user", content: "How is the weather?" };
const request = { model: "Primary", max_tokens: 64, messages: [question] };
const said = "It rains in Bremen.";

// Whole, with the key in either header.
for (const one of [client, new Anthropic({ baseURL: client.baseURL, apiKey: null, authToken: process.env.SELVAGE_KEY, maxRetries: 0 })]) {
  const whole = await one.messages.create({ ...request, system: [{ type: "text", text: "Be brief." }] });
  assert.deepEqual(whole.content, [{ type: "text", text: said }]);
  assert.deepEqual([whole.stop_reason, whole.usage.input_tokens, whole.usage.output_tokens], ["end_turn", 6, 4]);
  assert(whole._request_id);
}

// As events: as they come, and put together by the SDK.
let text = "";
const names = [];
for await (const event of await client.messages.create({ ...request, stream: true })) {
  names.push(event.type);
  if (event.type === "content_block_delta") text += event.delta.text;
}
assert.equal(text, said);
assert.deepEqual([names[0], ...names.slice(-2)], ["message_start", "message_delta", "message_stop"]);
const final = await client.messages.stream(request).finalMessage();
assert.deepEqual([final.content[0].text, final.usage.input_tokens, final.usage.output_tokens], [said, 4, 4]);

// Tools: offered, called, answered; whole and as events.
const input_schema = { type: "object", properties: { city: { type: "string" } } };
const tools = [{ name: "weather", input_schema }];
const asked = await client.messages.create({ ...request, tools, tool_choice: { type: "tool", name: "weather", disable_parallel_tool_use: true } });
const call = asked.content.at(-1);
assert.deepEqual([asked.stop_reason, call.type, call.name, call.input], ["tool_use", "tool_use", "weather", { city: "Bremen" }]);
const result = { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "rain" }] };
const told = await client.messages.create({ ...request, messages: [question, { role: "assistant", content: asked.content }, result], tools });
assert.equal(told.content[0].text, said);
const streamed = await client.messages.stream({ ...request, tools }).finalMessage();
assert.deepEqual(streamed.content.at(-1).input, { city: "Bremen" });

// What is refused is what the SDK has a class for.
for (const [expected, type, more] of [
  [Anthropic.NotFoundError, "not_found_error", { model: "unheard-of" }],
  [Anthropic.BadRequestError, "invalid_request_error", { base_url: "https://evil.example" }],
  [Anthropic.BadRequestError, "invalid_request_error", { max_tokens: 0 }],
]) {
  await assert.rejects(client.messages.create({ ...request, ...more }), (error) => error instanceof expected && error.type === type && Boolean(error.requestID));
}
await assert.rejects(client.messages.countTokens({ model: "Primary", messages: [question] }), Anthropic.NotFoundError);
const stranger = new Anthropic({ baseURL: client.baseURL, apiKey: "slv_wrong", maxRetries: 0 });
await assert.rejects(stranger.messages.create(request), Anthropic.AuthenticationError);

// One that goes in the middle takes nothing along.
for await (const _ of await client.messages.create({ ...request, stream: true })) break;
assert.equal((await client.messages.create(request)).content[0].text, said);
