# Reads pictures of formulas on the CPU, with the model of the package inside:
#
#   docker build -t im2latex .
#   docker run --rm -p 127.0.0.1:8000:8000 im2latex
#   docker run --rm -i im2latex predict < formula.png
#
# onnxruntime computes the network. PyTorch, which alone takes 0.75 GB, is left out, so this image
# does not train.

FROM python:3.13-slim-trixie AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY docs/third-party-notices.md docs/
COPY im2latex_cli im2latex_cli
RUN python -m venv /opt/im2latex \
    && /opt/im2latex/bin/python -m pip install --no-cache-dir "pip>=25.1" \
    && /opt/im2latex/bin/python -m pip install --no-cache-dir -c constraints.txt --group container \
    && /opt/im2latex/bin/python -m pip install --no-cache-dir --no-deps . \
    && /opt/im2latex/bin/python -m pip uninstall --yes pip \
    && mkdir -p /opt/cache

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.source="https://github.com/im2latex-cli/im2latex-cli" \
      org.opencontainers.image.licenses="MIT AND CC-BY-SA-4.0"
COPY --from=build /opt/im2latex /opt/im2latex
COPY --from=build --chown=1000:1000 /opt/cache /opt/cache
ENV PATH="/opt/im2latex/bin:$PATH" XDG_CACHE_HOME="/opt/cache"
WORKDIR /work
USER 1000:1000
EXPOSE 8000
HEALTHCHECK --start-period=20s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
ENTRYPOINT ["im2latex"]
CMD ["serve", "--host", "0.0.0.0"]
