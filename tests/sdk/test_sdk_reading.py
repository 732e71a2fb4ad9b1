"""What a user of the vendor's SDK can look at: lists and their pages, the catalogue, supernodes."""

import huaweicloudsdkmodelarts.v1 as modelarts
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

CLUSTER = "6a1f7e0c-93d2-4b7e-8c55-2f0d9b3a7e11"


def ids(page) -> list[str]:
    return [server.id for server in page.data]


def test_a_list_is_paged_sorted_and_of_ones_own_servers(sdk_of):
    ada, ben = sdk_of("ada", "team"), sdk_of("ben", "team")
    mine = [ada.create(name=f"ada-{number}").id for number in range(3)]
    his = ben.create(name="ben").id

    def listed(sdk, **query) -> modelarts.ListDevServersResponse:
        return sdk.servers.list_dev_servers(modelarts.ListDevServersRequest(**query))

    newest = listed(ada, limit=2, offset=0, sort_key="createTime", sort_dir="DESC")
    rest = listed(ada, limit=2, offset=2, sort_key="createTime", sort_dir="DESC")
    assert (newest.total, newest.size, newest.pages) == (3, 2, 2)
    assert ids(newest) + ids(rest) == mine[::-1]
    assert ids(listed(ada, sort_key="updateTime", sort_dir="ASC")) == mine
    assert ids(listed(ben)) == [his]
    assert ids(listed(ada, owner="ben-id")) == [his]  # an administrator may ask for another's
    assert ids(ada.servers.sync_dev_servers(modelarts.SyncDevServersRequest(limit=1, offset=1))) == mine[1:2]
    everyone = ben.servers.list_all_dev_servers(modelarts.ListAllDevServersRequest())
    assert sorted(ids(everyone)) == sorted([*mine, his])


def test_several_servers_are_acted_upon_at_once(sdk):
    chosen = [sdk.create(name="batch").id for _ in range(2)]

    def batch(action: str, **more) -> list[str]:
        references = [modelarts.BatchActionDevServerIds(id=each) for each in chosen]
        body = modelarts.DevServerBatchRequest(type=action, servers=references, **more)
        page = sdk.servers.batch_dev_servers_action(modelarts.BatchDevServersActionRequest(body=body))
        return [server.status for server in page.data]

    assert batch("STOP") == ["STOPPING"] * 2
    assert (
        batch("CHANGEOS", extend_param=modelarts.ServerOsRequest(image_id=CLUSTER, key_pair_name="ops"))
        == ["CHANGINGOS"] * 2
    )
    assert batch("REBOOT") == ["REBOOTING"] * 2
    assert batch("DELETE") == ["DELETING"] * 2


def test_the_catalogue_says_what_is_on_sale(sdk_of):
    servers = sdk_of("ada", "team").servers
    flavors = servers.list_dev_server_flavors(
        modelarts.ListDevServerFlavorsRequest(arch="X86", server_type="ECS", charging_mode="POST_PAID")
    )
    assert {flavor.flavor: flavor.is_sold_out for flavor in flavors.data}["gone"] is True
    images = servers.list_dev_server_images(
        modelarts.ListDevServerImagesRequest(flavor_name="Si2.large.4", server_type="ECS")
    )
    (image,) = images.data
    shown = servers.get_dev_server_image(modelarts.GetDevServerImageRequest(id=image.image_id))
    assert (shown.name, shown.status) == ("Ubuntu18.04_x86_64_CPU", "ACTIVE")


def test_job_templates_can_be_looked_at(sdk):
    listed = sdk.servers.list_dev_server_job_templates(modelarts.ListDevServerJobTemplatesRequest(type="HEALTH_CHECK"))
    (template,) = listed.data
    shown = sdk.servers.get_dev_server_job_template(modelarts.GetDevServerJobTemplateRequest(id=template.id))
    assert (shown.name, shown.params[0].name) == (template.name, template.params[0].name)


def test_a_hyper_cluster_can_be_looked_at_and_supernodes_are_none(sdk):
    servers = sdk.servers
    (cluster,) = servers.list_hyper_cluster(modelarts.ListHyperClusterRequest(type="HPS")).hyper_clusters
    shown = servers.get_hyper_cluster(modelarts.GetHyperClusterRequest(id=cluster.id))
    assert (shown.id, shown.network_info[0].is_default) == (CLUSTER, True)
    assert servers.list_hyperinstances(modelarts.ListHyperinstancesRequest(limit=1)).data == []
    assert servers.list_all_hyperinstances(modelarts.ListAllHyperinstancesRequest()).total == 0


def test_neither_can_be_changed(sdk):
    servers, os = sdk.servers, modelarts.ServerOsRequest(image_id=CLUSTER, key_pair_name="ops")
    wanted = modelarts.HyperClusterCreateRequest(name="mine")
    attempts = {
        "ModelArts.7000": [
            lambda: servers.create_hyper_cluster(modelarts.CreateHyperClusterRequest(body=wanted)),
            lambda: servers.delete_hyper_cluster(modelarts.DeleteHyperClusterRequest(id=CLUSTER)),
        ],
        "ModelArts.6404": [
            lambda: servers.get_hyperinstance(modelarts.GetHyperinstanceRequest(id="x")),
            lambda: servers.list_hyperinstance_servers(modelarts.ListHyperinstanceServersRequest(id="x")),
            lambda: servers.start_hyperinstance(modelarts.StartHyperinstanceRequest(id="x")),
            lambda: servers.stop_hyperinstance(modelarts.StopHyperinstanceRequest(id="x")),
            lambda: servers.change_hyperinstance_os(modelarts.ChangeHyperinstanceOSRequest(id="x", body=os)),
            lambda: servers.delete_hyperinstance(modelarts.DeleteHyperinstanceRequest(id="x")),
            lambda: servers.get_hyperinstance_operation(
                modelarts.GetHyperinstanceOperationRequest(id="x", operation_id="y")
            ),
        ],
    }
    for code, calls in attempts.items():
        for call in calls:
            with pytest.raises(ClientRequestException) as refused:
                call()
            assert (refused.value.status_code, refused.value.error_code) == (400, code)
