from im2latex_cli.serve.metrics import Histogram, Metrics


def test_a_value_counts_in_every_bucket_that_holds_it():
    histogram = Histogram((1, 2, 4))
    for value in (1, 1.5, 9):
        histogram.add(value)
    assert list(histogram.lines("h")) == [
        'h_bucket{le="1"} 1',
        'h_bucket{le="2"} 2',
        'h_bucket{le="4"} 2',
        'h_bucket{le="+Inf"} 3',
        "h_sum 11.500000",
        "h_count 3",
    ]


def test_text_names_every_metric_with_its_type():
    metrics = Metrics()
    metrics.requests[200] += 2
    metrics.requests[422] += 1
    text = metrics.text(waiting=3)
    assert 'im2latex_requests_total{status="200"} 2\n' in text
    assert 'im2latex_requests_total{status="422"} 1\n' in text
    assert "im2latex_waiting_pictures 3\n" in text
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    typed = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert all(any(sample.startswith(name) for name in typed) for sample in samples)
    assert text.endswith("\n")
