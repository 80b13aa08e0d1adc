# /etc/jupyterhub/appbuilder_hub_config.py: App Builder's service on the Hub (docs/hub.md).
c = get_config()  # noqa: F821

c.HubService.database = "sqlite:////srv/jupyterhub/appbuilder.sqlite"
c.HubService.timezone = "UTC"  # CHANGE: when a day of the budgets begins
c.HubService.providers = {
    # CHANGE: any endpoint that speaks OpenAI's protocol. The key is in a file that root alone reads.
    "ours": {"base_url": "https://models.example.org/v1", "key_file": "/etc/jupyterhub/models.key"},
}
c.HubService.models = {
    # CHANGE: "coder" is what people see; the price is in US dollars for a million tokens, in and out.
    "coder": {"provider": "ours", "model": "qwen3-coder", "price": (0.2, 0.8)},
}
