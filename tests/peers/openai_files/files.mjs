// OpenAI's SDK for Node, unmodified. Environment: SELVAGE_URL, SELVAGE_KEY.
import assert from "node:assert/strict";

import OpenAI, { NotFoundError, toFile } from "openai";

const client = new OpenAI({ baseURL: `${process.env.SELVAGE_URL}/v1`, apiKey: process.env.SELVAGE_KEY, maxRetries: 0 });
const lines = Buffer.from('{"a":1}\n');

const file = await client.files.create({ file: await toFile(lines, "batch.jsonl"), purpose: "batch" });
assert.deepEqual([file.object, file.bytes, file.filename, file.purpose], ["file", lines.length, "batch.jsonl", "batch"]);
assert.deepEqual(await client.files.retrieve(file.id), file);
const ids = [];
for await (const listed of client.files.list({ purpose: "batch", limit: 1 })) ids.push(listed.id);
assert.ok(ids.includes(file.id));
const content = await client.files.content(file.id);
assert.equal(Buffer.compare(Buffer.from(await content.arrayBuffer()), lines), 0);
assert.equal((await client.files.delete(file.id)).deleted, true);
await assert.rejects(client.files.retrieve(file.id), (error) => error instanceof NotFoundError && error.code === "not_found");

const text = Buffer.alloc(7 * 1024 * 1024, "selvage ");
const upload = await client.uploads.create({ bytes: text.length, filename: "a.txt", mime_type: "text/plain", purpose: "assistants" });
const half = text.length / 2;
const parts = await Promise.all([text.subarray(half), text.subarray(0, half)].map(async (bytes) =>
  client.uploads.parts.create(upload.id, { data: await toFile(bytes, "part") })));
const done = await client.uploads.complete(upload.id, { part_ids: [parts[1].id, parts[0].id] });
assert.deepEqual([done.status, done.file.bytes], ["completed", text.length]);
const whole = Buffer.from(await (await client.files.content(done.file.id)).arrayBuffer());
assert.equal(Buffer.compare(whole, text), 0);
await client.files.delete(done.file.id);
const given = await client.uploads.create({ bytes: 1, filename: "a.txt", mime_type: "text/plain", purpose: "assistants" });
assert.equal((await client.uploads.cancel(given.id)).status, "cancelled");
