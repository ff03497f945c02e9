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
await assert.rejects(client.chat.completions.create({ model: "Primary", messages, n: 2 }), OpenAI.UnprocessableEntityError);
const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "slv_wrong", maxRetries: 0 });
await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);

// One that goes in the middle takes nothing along.
const stream = await client.chat.completions.create({ model: "Primary", messages, stream: true });
for await (const _ of stream) break;
assert.equal((await client.chat.completions.create({ model: "Primary", messages })).choices[0].message.content, said);
