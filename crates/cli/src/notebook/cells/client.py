def show_online(features, rows, **options):
    """Shows what is served, or what of it Feast's client does not take, such as empty lists."""
    try:
        served = store.get_online_features(features=features, entity_rows=online_rows(rows), **options)
        print(json.dumps(served.to_dict(), indent=1, default=str))
    except TypeError as reason:
        print(f"Feast's client does not take the answer: {reason}")
