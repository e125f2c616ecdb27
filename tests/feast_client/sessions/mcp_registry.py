"""The official client of the Model Context Protocol against the registry's REST server."""
import asyncio
import json
import sys
import urllib.request

from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client

url, = sys.argv[1:]
PROJECT = {"project": "larder_golden"}
CALLS = [
    ("list_all_feature_views_feature_views_get", {**PROJECT, "tags": ["team:driver_performance"]},
     "feature_views?project=larder_golden&tags=team:driver_performance"),
    ("get_entity_entities__name__get", {**PROJECT, "name": "driver"}, "entities/driver?project=larder_golden"),
    ("get_registry_lineage_lineage_registry_get", PROJECT, "lineage/registry?project=larder_golden"),
    ("search_resources_search_get", {"query": "conv", "projects": ["larder_golden"]},
     "search?query=conv&projects=larder_golden"),
    ("list_materialization_jobs_materialization_jobs_get", PROJECT, "materialization_jobs?project=larder_golden"),
]


async def conversation(connected):
    async with connected as (read, write, *_), ClientSession(read, write) as session:
        hello = await session.initialize()
        assert hello.serverInfo.name == "feast-registry-mcp", hello
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert tools["delete_entity_entities__name__delete"].annotations.readOnlyHint is False
        for name, arguments, path in CALLS:
            assert tools[name].annotations.readOnlyHint, name
            result = await session.call_tool(name, arguments)
            assert not result.isError, result
            with urllib.request.urlopen(f"{url}/api/v1/{path}") as answer:
                assert json.loads(result.content[0].text) == json.load(answer), name
        refused = await session.call_tool("get_entity_entities__name__get", {**PROJECT, "name": "nobody"})
        assert refused.isError and "Entity nobody does not exist" in refused.content[0].text, refused
        return sorted(tools)


by_http = asyncio.run(conversation(streamablehttp_client(f"{url}/mcp")))
assert asyncio.run(conversation(sse_client(f"{url}/sse"))) == by_http
