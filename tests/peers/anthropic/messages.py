"""Anthropic's SDK for Python, unmodified. Environment: SELVAGE_URL, SELVAGE_KEY."""

import asyncio
import os

import anthropic

url, key = os.environ["SELVAGE_URL"], os.environ["SELVAGE_KEY"]
client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
question = {"role": "user", "content": "How is the weather?"}
request = {"model": "Primary", "max_tokens": 64, "messages": [question]}
said = "It rains in Bremen."

# Whole, with the key in either header.
for one in [client, anthropic.Anthropic(base_url=url, auth_token=key, max_retries=0)]:
    whole = one.messages.create(**request, system="Be brief.", stop_sequences=["END"], extra_body={"temperature": 0.5})
    assert [block.to_dict() for block in whole.content] == [{"type": "text", "text": said}], whole
    assert (whole.type, whole.role, whole.stop_reason, whole.stop_sequence) == ("message", "assistant", "end_turn", None), whole
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (6, 4), whole
    assert whole._request_id, whole

# As events: as they come, and put together by the SDK.
events = list(client.messages.create(**request, stream=True))
assert (events[0].type, events[-2].type, events[-1].type) == ("message_start", "message_delta", "message_stop"), events
assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == said, events
assert events[-2].usage.output_tokens == 4, events
with client.messages.stream(**request) as stream:
    assert "".join(stream.text_stream) == said
    final = stream.get_final_message()
assert (final.content[0].text, final.stop_reason, final.usage.input_tokens, final.usage.output_tokens) == (said, "end_turn", 4, 4), final


async def at_the_same_time():
    several = anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0)
    return await asyncio.gather(*(several.messages.create(**request) for _ in range(3)))


assert [message.content[0].text for message in asyncio.run(at_the_same_time())] == [said] * 3

# Tools: offered, called, answered; whole and as events; and by the loop that the SDK has for it.
schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"name": "weather", "description": "How it is outside", "input_schema": schema}]
asked = client.messages.create(**request, tools=tools, tool_choice={"type": "any"})
call = asked.content[-1]
assert (asked.stop_reason, call.type, call.name, call.input) == ("tool_use", "tool_use", "weather", {"city": "Bremen"}), asked
result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "rain"}]}]}
told = client.messages.create(**{**request, "messages": [question, {"role": "assistant", "content": asked.content}, result]}, tools=tools)
assert told.content[0].text == said, told
with client.messages.stream(**request, tools=tools) as stream:
    final = stream.get_final_message()
assert (final.content[-1].name, final.content[-1].input, final.stop_reason) == ("weather", {"city": "Bremen"}, "tool_use"), final


@anthropic.beta_tool
def weather(city: str) -> str:
    """How it is outside.

    Args:
        city: Where.
    """
    return f"rain in {city}"


# Threads that a server keeps are a matter of the beta, and refused.
last = client.beta.messages.tool_runner(**request, tools=[weather], thread=False).until_done()
assert last.content[0].text == said, last

# What is refused is what the SDK has a class for.
image = {"type": "image", "source": {"type": "url", "url": "https://evil.example/x.png"}}
for expected, kind, code, more in [
    (anthropic.NotFoundError, "not_found_error", "model_not_found", {"model": "unheard-of"}),
    (anthropic.BadRequestError, "invalid_request_error", "invalid_request", {"extra_body": {"base_url": "https://evil.example"}}),
    (anthropic.BadRequestError, "invalid_request_error", "validation_failed", {"thinking": {"type": "adaptive"}}),
    (anthropic.BadRequestError, "invalid_request_error", "validation_failed", {"messages": [{"role": "user", "content": [image]}]}),
]:
    for streamed in [False, True]:
        try:
            client.messages.create(**{**request, **more}, stream=streamed)
            raise AssertionError(f"{more} was taken")
        except expected as error:
            assert (error.type, error.error_code) == (kind, code), error
            assert error.request_id == error.body["request_id"], error
try:
    client.messages.count_tokens(model="Primary", messages=[question])
    raise AssertionError("tokens were counted")
except anthropic.NotFoundError as error:
    assert error.type == "not_found_error", error
try:
    anthropic.Anthropic(base_url=url, api_key="slv_wrong", max_retries=0).messages.create(**request)
    raise AssertionError("a wrong key was taken")
except anthropic.AuthenticationError as error:
    assert (error.type, error.error_code) == ("authentication_error", "unauthorized"), error

# One that goes in the middle takes nothing along.
with client.messages.stream(**request) as stream:
    next(iter(stream))
assert client.messages.create(**request).content[0].text == said
