"""ModelArts: plugins and job templates for servers (docs/api/devserver-api.md section 2.7), for reading only. Jobs
are not run.
"""

from functools import partial
from typing import Final

from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import ApiError, Service
from provisioner.sandbox.requests.dev_servers import JobTemplatesQuery, PluginsQuery
from provisioner.sandbox.requests.reading import read_query
from provisioner.sandbox.services.finding import paged

_PLUGINS: Final = (
    {
        "name": "sandbox-node-agent",
        "infos": [
            {
                "id": "3f1c9a54-6d0b-4f7e-9b61-0c8f5a2e7d10",
                "version": "1.0.0",
                "status": "ACTIVE",
                "url": "https://plugins.sandbox.invalid/sandbox-node-agent-1.0.0.tar.gz",
            }
        ],
    },
)
_TEMPLATES: Final = (
    {
        "id": "8d2b7f36-41ce-4a95-8e0f-6b9d3c5a1e22",
        "name": "sandbox-health-check",
        "description": "Looks whether the accelerators of a server answer.",
        "type": "HEALTH_CHECK",
        "flavor_type": "CPU",
        "params": [
            {"name": "rounds", "description": "How often to look.", "value": "1", "visible": "true", "regex": "^[1-9]$"}
        ],
    },
)


def list_plugins(call: Call) -> Answer:
    query = read_query(PluginsQuery, call.query)
    return paged([plugin for plugin in _PLUGINS if query.name in {None, plugin["name"]}])


def list_templates(call: Call) -> Answer:
    asked = read_query(JobTemplatesQuery, call.query).model_dump(exclude_none=True)
    return paged([each for each in _TEMPLATES if all(each[key] == value for key, value in asked.items())])


def show_template(call: Call) -> Answer:
    for template in _TEMPLATES:
        if template["id"] == call.path["template_id"]:
            return Answer(template)
    raise ApiError(400, "ModelArts.6404", f"Job template '{call.path['template_id']}' not found.")


_SERVERS: Final = "/v1/{project_id}/dev-servers"
_operation = partial(Operation, service=Service.MODELARTS)

OPERATIONS: Final = (
    _operation(
        "ListDevServerPlugins",
        "GET",
        f"{_SERVERS}/plugins",
        list_plugins,
        parameters=frozenset(PluginsQuery.model_fields),
    ),
    _operation(
        "ListDevServerJobTemplates",
        "GET",
        f"{_SERVERS}/jobs/templates",
        list_templates,
        parameters=frozenset(JobTemplatesQuery.model_fields),
    ),
    _operation("GetDevServerJobTemplate", "GET", f"{_SERVERS}/jobs/templates/{{template_id}}", show_template),
)
