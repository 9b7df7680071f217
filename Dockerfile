# The smallest official base. It has the sh, env, tail, tar and find that Kubernetes runners call,
# and there are musl wheels of every requirement.
FROM python:3.13-alpine

LABEL org.opencontainers.image.title="dataform-action" \
      org.opencontainers.image.description="Trigger a Dataform run, watch it to its end, and show what happened" \
      org.opencontainers.image.authors="The dataform-action authors" \
      org.opencontainers.image.licenses="Apache-2.0"

# pip stays: it lies in a layer of the base, where removing it would save nothing. It writes no
# bytecode, neither its own nor that of modules which a run never imports.
COPY requirements.txt /action/
RUN PYTHONDONTWRITEBYTECODE=1 python3 -m pip install --require-hashes --no-deps \
      --only-binary :all: --no-compile --no-cache-dir --disable-pip-version-check \
      --root-user-action ignore --requirement /action/requirements.txt

COPY LICENSE entrypoint.py post_entrypoint.py /action/
COPY dataform_action /action/dataform_action

# A smoke test, and the bytecode of what a run imports: the base has none, and a container that is
# removed after its run can never keep any. (The first host name looked up needs encodings.idna.)
# All of it is then made again with a hash in place of its source's time: the same input makes the
# same layer, and it does not go stale where a build sets the times of files.
RUN ["/usr/local/bin/python3", "-I", "-W", "error", "-c", "\
import encodings.idna, importlib.util, pathlib, pkgutil, py_compile, sys; \
import google.auth.identity_pool, google.auth.impersonated_credentials; \
import google.oauth2.credentials, google.oauth2.service_account; \
sys.path.insert(0, '/action'); \
import dataform_action; \
[importlib.import_module(module.name) \
 for module in pkgutil.walk_packages(dataform_action.__path__, 'dataform_action.')]; \
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH; \
[py_compile.compile(importlib.util.source_from_cache(path), path, None, True, -1, unchecked) \
 for folder in ('/usr/local/lib', '/action') \
 for path in map(str, sorted(pathlib.Path(folder).rglob('*.pyc')))]"]

# Isolated (-I), so that nothing in the workspace or in PYTHONPATH is imported; without site (-S),
# which the program imports once it has taken over the signals; unbuffered (-u);
# and by its full path, whatever PATH says. Root, and no working directory: as GitHub asks.
ENTRYPOINT ["/usr/local/bin/python3", "-I", "-S", "-u", "/action/entrypoint.py"]
