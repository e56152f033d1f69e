from im2latex_cli.serve.requests import Metrics


def test_text_names_every_metric_with_its_type():
    metrics = Metrics()
    metrics.count(200, 0.2)
    metrics.count(200, 0.3)
    metrics.count(422, 7.0)
    metrics.sizes.observe(3)
    metrics.waiting.set(3)
    text = metrics.text().decode()
    assert 'im2latex_requests_total{status="200"} 2.0\n' in text
    assert 'im2latex_requests_total{status="422"} 1.0\n' in text
    assert 'im2latex_request_seconds_bucket{le="0.25"} 1.0\n' in text
    assert 'im2latex_batch_pictures_bucket{le="4.0"} 1.0\n' in text
    assert "im2latex_waiting_pictures 3.0\n" in text
    kinds = {tuple(line.split()[2:]) for line in text.splitlines() if line.startswith("# TYPE")}
    assert {
        ("im2latex_requests_total", "counter"),
        ("im2latex_request_seconds", "histogram"),
        ("im2latex_batch_pictures", "histogram"),
        ("im2latex_waiting_pictures", "gauge"),
    } <= kinds


def test_requests_are_counted_by_status_and_in_all():
    metrics = Metrics()
    assert metrics.requests() == metrics.requests(200) == 0
    for status in (200, 200, 413):
        metrics.count(status, 0.1)
    assert (metrics.requests(), metrics.requests(200), metrics.requests(413)) == (3, 2, 1)


def test_two_servers_count_apart():
    first, second = Metrics(), Metrics()
    first.count(200, 0.1)
    assert second.requests() == 0
