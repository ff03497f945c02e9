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
    (openai.BadRequestError, {"model": "Primary", "n": 2}),
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

# Responses: whole, streamed, kept, in a chain, with functions.
first = client.responses.create(model="Primary", input="How is the weather?", instructions="Be brief.", metadata={"topic": "weather"})
assert (first.status, first.output_text) == ("completed", said), first
assert client.responses.retrieve(first.id).to_dict() == first.to_dict()
assert client.responses.input_items.list(first.id).data[0].content[0].text == "How is the weather?"
events = list(client.responses.create(model="Primary", input="How is the weather?", stream=True))
assert (events[0].type, events[-1].type) == ("response.created", "response.completed"), events
assert [event.sequence_number for event in events] == list(range(len(events))), events
assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == said, events
kept = events[-1].response
assert client.responses.retrieve(kept.id).to_dict() == kept.to_dict()
again = list(client.responses.retrieve(kept.id, stream=True, starting_after=2))
assert [event.to_dict() for event in again] == [event.to_dict() for event in events[3:]], again
with client.responses.stream(model="Primary", input="How is the weather?", previous_response_id=first.id) as stream:
    final = stream.until_done().get_final_response()
assert (final.output_text, final.previous_response_id) == (said, first.id), final
function = {"type": "function", "name": "weather", "parameters": weather, "strict": True}
asked = client.responses.create(model="Primary", input="How is the weather?", tools=[function])
call = asked.output[0]
assert (call.type, call.name, call.arguments) == ("function_call", "weather", '{"city":"Bremen"}'), asked
result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
told = client.responses.create(model="Primary", previous_response_id=asked.id, input=[result], tools=[function])
assert told.output_text == said, told
told = client.responses.create(model="Primary", input=[{"role": "user", "content": "How is the weather?"}, *asked.output, result], tools=[function], store=False)
assert told.output_text == said, told
for gone in [told.id, "resp_01h455vb4pex5vsknk084sn02q"]:
    try:
        client.responses.retrieve(gone)
        raise AssertionError("what is not kept was given")
    except openai.NotFoundError as error:
        assert error.code == "not_found", error
client.responses.delete(first.id)
try:
    client.responses.create(model="Primary", input="How is the weather?", previous_response_id=first.id)
    raise AssertionError("a response that was deleted was gone on with")
except openai.NotFoundError:
    pass

# Conversations and their items.
conversation = client.conversations.create(metadata={"topic": "weather"}, items=[{"type": "message", "role": "user", "content": "Hello."}])
assert client.conversations.retrieve(conversation.id).to_dict() == conversation.to_dict()
assert client.conversations.update(conversation.id, metadata={"topic": "rain"}).metadata == {"topic": "rain"}
added = client.conversations.items.create(conversation.id, items=[{"role": "assistant", "content": [{"type": "output_text", "text": "Hi.", "annotations": []}]}])
answer = client.responses.create(model="Primary", input="How is the weather?", conversation=conversation.id)
assert answer.conversation.id == conversation.id, answer
items = list(client.conversations.items.list(conversation.id, order="asc", limit=2))
assert [item.role for item in items] == ["user", "assistant", "user", "assistant"], items
assert (items[1].id, items[3].id) == (added.data[0].id, answer.output[0].id), items
assert client.conversations.items.retrieve(items[0].id, conversation_id=conversation.id).to_dict() == items[0].to_dict()
assert client.conversations.delete(conversation.id).deleted
try:
    client.conversations.retrieve(conversation.id)
    raise AssertionError("a conversation that was deleted was given")
except openai.NotFoundError:
    pass
