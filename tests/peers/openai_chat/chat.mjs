// OpenAI's SDK for Node, unmodified. Environment: SELVAGE_URL, SELVAGE_KEY.
import assert from "node:assert/strict";

import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${process.env.SELVAGE_URL}/v1`, apiKey: process.env.SELVAGE_KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "How is the weather?" }];
const said = "It rains in Bremen.";

const names = [];
for await (const model of client.models.list()) names.push(model.id);
assert(names.includes("Primary"), names);

const whole = await client.chat.completions.create({ model: "Primary", messages });
assert.equal(whole.choices[0].message.content, said);
assert.equal(whole.usage.total_tokens, 8);

let text = "";
let usage;
for await (const chunk of await client.chat.completions.create({ model: "Primary", messages, stream: true, stream_options: { include_usage: true } })) {
  text += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(text, said);
assert.equal(usage.total_tokens, 8);

const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const asked = await client.chat.completions.create({ model: "Primary", messages, tools });
const call = asked.choices[0].message.tool_calls[0];
assert.deepEqual([call.function.name, call.function.arguments], ["weather", '{"city":"Bremen"}']);
const result = { role: "tool", tool_call_id: call.id, content: "rain" };
const told = await client.chat.completions.create({ model: "Primary", messages: [...messages, asked.choices[0].message, result], tools });
assert.equal(told.choices[0].message.content, said);

await assert.rejects(client.chat.completions.create({ model: "unheard-of", messages }), OpenAI.NotFoundError);
await assert.rejects(client.chat.completions.create({ model: "Primary", messages, n: 2 }), OpenAI.BadRequestError);
const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "slv_wrong", maxRetries: 0 });
await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);

// One that goes in the middle takes nothing along.
const stream = await client.chat.completions.create({ model: "Primary", messages, stream: true });
for await (const _ of stream) break;
assert.equal((await client.chat.completions.create({ model: "Primary", messages })).choices[0].message.content, said);

// Responses: whole, streamed, kept, in a chain, with functions.
const first = await client.responses.create({ model: "Primary", input: "How is the weather?", metadata: { topic: "weather" } });
assert.deepEqual([first.status, first.output_text], ["completed", said]);
assert.equal((await client.responses.retrieve(first.id)).output_text, said);
const events = [];
for await (const event of await client.responses.create({ model: "Primary", input: "How is the weather?", stream: true })) events.push(event);
assert.deepEqual([events[0].type, events.at(-1).type], ["response.created", "response.completed"]);
assert.equal(events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""), said);
const again = [];
for await (const event of await client.responses.retrieve(events[0].response.id, { stream: true, starting_after: 2 })) again.push(event);
assert.deepEqual(again, events.slice(3));
const final = await client.responses.stream({ model: "Primary", input: "How is the weather?", previous_response_id: first.id }).finalResponse();
assert.deepEqual([final.output[0].content[0].text, final.previous_response_id], [said, first.id]);
const weather = { type: "function", name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } }, strict: false };
const wanted = await client.responses.create({ model: "Primary", input: "How is the weather?", tools: [weather] });
assert.deepEqual([wanted.output[0].type, wanted.output[0].name, wanted.output[0].arguments], ["function_call", "weather", '{"city":"Bremen"}']);
const output = { type: "function_call_output", call_id: wanted.output[0].call_id, output: "rain" };
const answered = await client.responses.create({ model: "Primary", previous_response_id: wanted.id, input: [output], tools: [weather] });
assert.equal(answered.output_text, said);
await client.responses.delete(first.id);
await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);

// Conversations and their items.
const conversation = await client.conversations.create({ metadata: { topic: "weather" }, items: [{ type: "message", role: "user", content: "Hello." }] });
assert.deepEqual(await client.conversations.retrieve(conversation.id), conversation);
await client.conversations.items.create(conversation.id, { items: [{ type: "message", role: "user", content: [{ type: "input_text", text: "How are you?" }] }] });
await client.responses.create({ model: "Primary", input: "How is the weather?", conversation: conversation.id });
const roles = [];
for await (const item of client.conversations.items.list(conversation.id, { order: "asc", limit: 2 })) roles.push(item.role);
assert.deepEqual(roles, ["user", "user", "user", "assistant"]);
await client.conversations.delete(conversation.id);
await assert.rejects(client.conversations.retrieve(conversation.id), OpenAI.NotFoundError);
