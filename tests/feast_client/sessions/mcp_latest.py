"""The second generation of the official client of the Model Context Protocol, whose requests need no handshake."""
import asyncio
import json
import sys

from mcp import Client, MCPError, StdioServerParameters

repo, url, larder = sys.argv[1:]
READ = "get_online_features_get_online_features_post"


async def conversation(server):
    async with Client(server) as client:
        # It would fall back to a handshake with a server that does not speak this version.
        assert client.protocol_version == "2026-07-28", client.protocol_version
        assert (client.server_info.name, client.server_info.version) == ("golden", "7"), client.server_info
        assert READ in {tool.name for tool in (await client.list_tools()).tools}
        entities = {"driver_id": [1001, 9999]}
        features = ["driver_hourly_stats:conv_rate"]
        good = await client.call_tool(READ, {"entities": entities, "features": features})
        answer = json.loads(good.content[0].text)
        assert answer["results"][1]["statuses"] == ["PRESENT", "NOT_FOUND"], answer
        bad = await client.call_tool(READ, {"entities": entities, "features": ["nope:x"]})
        assert bad.is_error and "FeatureViewNotFoundException" in bad.content[0].text, bad
        try:
            unknown = await client.call_tool("nope", {})
        except MCPError as error:
            assert error.error.message == "Unknown tool: nope", error
        else:
            raise AssertionError(unknown)


asyncio.run(conversation(f"{url}/mcp"))
asyncio.run(conversation(StdioServerParameters(command=larder, args=["-c", repo, "mcp"])))
