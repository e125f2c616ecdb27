"""The official client of the Model Context Protocol against larder, and against Feast's server on the same file."""
import asyncio
import json
import sys
import warnings

from golden import serve_feast, store
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

warnings.filterwarnings("ignore")
repo, url, larder = sys.argv[1:]
READ = "get_online_features_get_online_features_post"
CALLS = [
    (READ, {"entities": {"driver_id": [1001, 9999]}, "features": ["driver_hourly_stats:conv_rate"]}),
    (READ, {"entities": {"driver_id": [1001]}, "features": ["driver_hourly_stats:home_zone"], "full_feature_names": True}),
    (READ, {"entities": {"driver_id": [1001]}, "features": ["nope:conv_rate"]}),
    ("push_push_post", {"push_source_name": "nope", "df": {"driver_id": [1001]}}),
    ("health_health_get", {}),
]


async def conversation(connected):
    """What the server says of itself, its tools by name, and what they answer: text and whether it is an error."""
    async with connected as (read, write, *_), ClientSession(read, write) as session:
        hello = await session.initialize()
        await session.send_ping()
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        answers = []
        for name, arguments in CALLS:
            result = await session.call_tool(name, arguments)
            (content,) = result.content
            answers.append((content.text, result.isError))
        # What is called wrongly is an error of the protocol, or of the call.
        try:
            unknown = (await session.call_tool("nope", {})).content[0].text
        except McpError as error:
            unknown = error.error.message
        incomplete = await session.call_tool(READ, {"features": ["driver_hourly_stats:conv_rate"]})
        assert incomplete.isError and "entities" in incomplete.content[0].text, incomplete
        return hello, tools, answers, unknown


hello, tools, answers, unknown = asyncio.run(conversation(streamablehttp_client(f"{url}/mcp")))
assert (hello.serverInfo.name, hello.serverInfo.version) == ("golden", "7"), hello
assert json.loads(answers[0][0])["results"][1]["statuses"] == ["PRESENT", "NOT_FOUND"], answers[0]

# The other transports say the same: server-sent events, and the streams of a process.
process = StdioServerParameters(command=larder, args=["-c", repo, "mcp"])
for other in [sse_client(f"{url}/sse"), stdio_client(process)]:
    assert asyncio.run(conversation(other)) == (hello, tools, answers, unknown), other

# Feast's own server on the same SQLite file.
mcp = {"type": "mcp", "mcp_enabled": True, "mcp_transport": "http"}
sqlite = {"type": "sqlite", "path": "data/online_store.db"}
feast = serve_feast(store(repo, sqlite, feature_server=mcp))
_, tools_of_feast, answers_of_feast, unknown_of_feast = asyncio.run(conversation(streamablehttp_client(f"{feast}/mcp")))
missing = {name for name in tools_of_feast if not name.startswith("chat_")} - set(tools)
assert not missing, missing
for name in set(tools) & set(tools_of_feast):
    ours, theirs = tools[name].inputSchema, tools_of_feast[name].inputSchema
    assert set(ours["properties"]) == set(theirs["properties"]), (name, ours, theirs)
    assert ours.get("required") == theirs.get("required"), (name, ours, theirs)
for call, ours, theirs in zip(CALLS, answers, answers_of_feast):
    assert ours == theirs, (call, ours, theirs)
assert unknown == unknown_of_feast, (unknown, unknown_of_feast)

# Rows that a tool pushes are served.
row = {"driver_id": [1001], "event_timestamp": ["2024-01-18T00:00:00Z"], "created": ["2024-01-18T00:00:00Z"]}
row |= {"conv_rate": [0.25], "acc_rate": [0.5], "avg_daily_trips": [1], "home_zone": ["north"]}


async def write_and_read():
    async with streamablehttp_client(f"{url}/mcp") as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        write_rows = "write_to_online_store_write_to_online_store_post"
        written = await session.call_tool(write_rows, {"feature_view_name": "driver_hourly_stats", "df": row})
        assert (written.isError, written.content[0].text) == (False, "null"), written
        answer = await session.call_tool(*CALLS[0])
        return json.loads(answer.content[0].text)["results"][1]["values"]


assert asyncio.run(write_and_read()) == [0.25, None]
