import socket

import pytest

from im2latex_cli.errors import UsageError
from im2latex_cli.serve import app


def test_a_free_port_is_found():
    with app.open_socket("127.0.0.1", 0) as listening:
        assert app.address(listening).startswith("http://127.0.0.1:")
        assert listening.getsockname()[1] > 0


def test_a_taken_port_is_a_usage_error():
    with app.open_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1, port {port}") as caught:
            app.open_socket("127.0.0.1", port)
    assert "`serve.port`" in str(caught.value.hint)


def test_a_host_that_does_not_exist_is_a_usage_error():
    with pytest.raises(UsageError, match=r"Cannot listen on 192\.0\.2\.1"):
        app.open_socket("192.0.2.1", 0)


def test_ipv6_addresses_stand_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listening = app.open_socket("::1", 0)
    except UsageError:
        pytest.skip("no IPv6 here")
    with listening:
        assert app.address(listening).startswith("http://[::1]:")
