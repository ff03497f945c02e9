"""OpenAI's SDK for Python, unmodified. Environment: SELVAGE_URL, SELVAGE_KEY."""

import os

import openai

client = openai.OpenAI(base_url=os.environ["SELVAGE_URL"] + "/v1", api_key=os.environ["SELVAGE_KEY"], max_retries=0)
lines = b'{"a":1}\n'

file = client.files.create(file=("batch.jsonl", lines), purpose="batch")
assert (file.object, file.bytes, file.filename, file.purpose) == ("file", len(lines), "batch.jsonl", "batch"), file
assert client.files.retrieve(file.id) == file
assert file.id in [listed.id for listed in client.files.list(purpose="batch", limit=1)]
assert client.files.content(file.id).read() == lines
assert client.files.delete(file.id).deleted
try:
    client.files.retrieve(file.id)
    raise AssertionError("a file that was deleted is there")
except openai.NotFoundError as error:
    assert error.code == "not_found", error

# The SDK cuts it into parts of 64 MB; with this size of part there are several.
text = b"selvage " * (7 * 1024 * 128)
done = client.uploads.upload_file_chunked(
    file=text, filename="a.txt", bytes=len(text), mime_type="text/plain", purpose="assistants", part_size=3 * 1024 * 1024
)
assert (done.status, done.file.bytes) == ("completed", len(text)), done
assert client.files.content(done.file.id).read() == text
client.files.delete(done.file.id)
given = client.uploads.create(bytes=1, filename="a.txt", mime_type="text/plain", purpose="assistants")
assert client.uploads.cancel(given.id).status == "cancelled"
