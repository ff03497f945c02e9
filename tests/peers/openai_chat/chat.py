"""OpenAI's SDK for Python, unmodified. Environment: SELVAGE_URL, SELVAGE_KEY."""

import os

import openai

client = openai.OpenAI(base_url=os.environ["SELVAGE_URL"] + "/v1", api_key=os.environ["SELVAGE_KEY"], max_retries=0)
question = [{"role": "user", "content": "How is the weather?"}]
said = "It rains in Bremen."

assert "Primary" in [model.id for model in client.models.list()]
assert client.models.retrieve("Primary").owned_by == "openai"

whole = client.chat.completions.create(model="Primary", messages=question)
assert whole.choices[0].message.content == said, whole
assert whole.choices[0].finish_reason == "stop", whole
assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (4, 4, 8), whole

chunks = list(client.chat.completions.create(model="gpt-4o", messages=question, stream=True, stream_options={"include_usage": True}))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == said, chunks
assert chunks[-1].usage.total_tokens == 8, chunks
with client.chat.completions.stream(model="Primary", messages=question) as stream:
    final = stream.get_final_completion()
assert final.choices[0].message.content == said, final

weather = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
tools = [{"type": "function", "function": {"name": "weather", "parameters": weather, "strict": True}}]
asked = client.chat.completions.create(model="Primary", messages=question, tools=tools, tool_choice="auto")
call = asked.choices[0].message.tool_calls[0]
assert (asked.choices[0].finish_reason, call.function.name, call.function.arguments) == ("tool_calls", "weather", '{"city":"Bremen"}'), asked
result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
told = client.chat.completions.create(model="Primary", messages=[*question, asked.choices[0].message, result], tools=tools)
assert told.choices[0].message.content == said, told
with client.chat.completions.stream(model="Primary", messages=question, tools=tools) as stream:
    final = stream.get_final_completion()
assert final.choices[0].message.tool_calls[0].function.name == "weather", final

for expected, request in [
    (openai.NotFoundError, {"model": "unheard-of"}),
    (openai.UnprocessableEntityError, {"model": "Primary", "n": 2}),
    (openai.BadRequestError, {"model": "Primary", "extra_body": {"base_url": "https://evil.example"}}),
]:
    try:
        client.chat.completions.create(messages=question, **request)
        raise AssertionError(f"{request} was taken")
    except expected as error:
        assert error.code, error
try:
    openai.OpenAI(base_url=client.base_url, api_key="slv_wrong", max_retries=0).models.list()
    raise AssertionError("a wrong key was taken")
except openai.AuthenticationError as error:
    assert error.code == "unauthorized", error
