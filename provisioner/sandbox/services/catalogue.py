"""ModelArts: the catalogue that clients see (docs/api/devserver-api.md section 2.5)."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from provisioner.sandbox.calls import Answer, Call, Operation
from provisioner.sandbox.errors import Service, parameter_error
from provisioner.sandbox.market import Flavor, Image
from provisioner.sandbox.requests.dev_servers import CatalogueQuery, ImagesQuery
from provisioner.sandbox.requests.reading import read_query
from provisioner.sandbox.services.finding import paged


def list_flavors(call: Call) -> Answer:
    """Lists one item for each flavor and zone, because an item has one zone. A market that sells other flavors shows
    that by a `total` that no page reaches.
    """
    market = call.transaction.rules.market
    return paged(
        [
            _flavor(flavor) | {"availability_zone": zone, "is_sold_out": market.is_sold_out(flavor, zone)}
            for flavor in _asked_flavors(call)
            for zone in market.zones
        ],
        whole=market.lists_every_flavor,
    )


def list_resource_flavors(call: Call) -> Answer:
    """Lists one item for each flavor, with an entry for each zone."""
    market = call.transaction.rules.market
    return paged(
        [
            _flavor(flavor)
            | {
                "availability_zones": [
                    {"id": zone, "is_sold_out": market.is_sold_out(flavor, zone)} for zone in market.zones
                ],
                "server_flavors": [{"name": flavor.name}],
            }
            for flavor in _asked_flavors(call)
        ],
        whole=market.lists_every_flavor,
    )


def list_images(call: Call) -> Answer:
    """Lists the images. With the name of a flavor of either kind, it lists those that run on it; none for an unknown
    flavor.
    """
    query = read_query(ImagesQuery, call.query)
    market = call.transaction.rules.market
    images = [image for image in market.images if query.server_type in {None, image.server_type}]
    for name in {query.flavor_name, query.resource_flavor_name} - {None}:
        kinds = {(each.arch, each.server_type) for each in market.flavors if each.name == name}
        images = [image for image in images if (image.arch, image.server_type) in kinds]
    return paged([_image(image) for image in images], whole=market.lists_every_image)


def show_image(call: Call) -> Answer:
    image = call.transaction.rules.market.image(call.path["image_id"])
    if image is None:
        raise parameter_error(Service.MODELARTS, "image_id: the image does not exist")
    return Answer(_image(image))


def _asked_flavors(call: Call) -> Iterator[Flavor]:
    """Returns the requested flavors. Every flavor is sold in both modes, so `charging_mode` filters nothing."""
    query = read_query(CatalogueQuery, call.query)
    for flavor in call.transaction.rules.market.flavors:
        if query.server_type in {None, flavor.server_type} and query.arch in {None, flavor.arch}:
            yield flavor


def _flavor(flavor: Flavor) -> dict[str, object]:
    """Returns a flavor. `sku_code`, which price inquiries use as `resource_spec` (section 8), is the flavor's name
    here.
    """
    return {
        "flavor": flavor.name,
        "arch": flavor.arch,
        "server_type": flavor.server_type,
        "charging_mode": "COMMON",
        "count": 1,
        "sku_code": flavor.name,
    }


def _image(image: Image) -> dict[str, object]:
    return {
        "image_id": image.id,
        "name": image.name,
        "arch": image.arch,
        "server_type": image.server_type,
        "status": image.status,
    }


_MARKET: Final = frozenset(CatalogueQuery.model_fields)
_SERVERS: Final = "/v1/{project_id}/dev-servers"
_operation = partial(Operation, service=Service.MODELARTS)

OPERATIONS: Final = (
    _operation("ListDevServerFlavors", "GET", f"{_SERVERS}/flavors", list_flavors, parameters=_MARKET),
    _operation(
        "ListDevServerResourceFlavors", "GET", f"{_SERVERS}/resource-flavors", list_resource_flavors, parameters=_MARKET
    ),
    _operation(
        "ListDevServerImages", "GET", f"{_SERVERS}/images", list_images, parameters=frozenset(ImagesQuery.model_fields)
    ),
    _operation("GetDevServerImage", "GET", f"{_SERVERS}/images/{{image_id}}", show_image),
)
