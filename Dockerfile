# The smallest official base. It has sh, env, tail, tar and find, which Kubernetes runners call, and
# all requirements have musl wheels.
FROM python:3.13-alpine

LABEL org.opencontainers.image.title="dataform-action" \
      org.opencontainers.image.description="Start a Dataform run, follow it to its end, and report the outcome" \
      org.opencontainers.image.authors="The dataform-action authors" \
      org.opencontainers.image.licenses="Apache-2.0"

# pip is in a layer of the base, so removing it would save nothing. It writes no bytecode, neither
# for itself nor for modules that a run never imports.
COPY requirements.txt /action/
RUN PYTHONDONTWRITEBYTECODE=1 python3 -m pip install --require-hashes --no-deps \
      --only-binary :all: --no-compile --no-cache-dir --disable-pip-version-check \
      --root-user-action ignore --requirement /action/requirements.txt

COPY LICENSE entrypoint.py post_entrypoint.py /action/
COPY dataform_action /action/dataform_action

# A smoke test, which also compiles the modules that a run imports: the base has no bytecode, and a
# container loses its own after the run. (The first lookup of a host name needs encodings.idna.)
# It imports every kind of credentials, and so fails if one needs a package that is left out.
# Then all bytecode is compiled again with a hash instead of the time of the source. So the same
# input makes the same layer, and the bytecode stays valid if a build sets the times of files.
# Two rooms are not for the image. Some builders, such as that of act, ignore .dockerignore.
RUN ["/usr/local/bin/python3", "-I", "-W", "error", "-c", "\
import encodings.idna, importlib.util, pathlib, pkgutil, py_compile, shutil, sys; \
[shutil.rmtree('/action/dataform_action/' + room, ignore_errors=True) \
 for room in ('emulator', 'integrations')]; \
import google.auth.aws, google.auth.external_account_authorized_user; \
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

# Isolated (-I): Python imports nothing from the workspace or PYTHONPATH. Without site (-S): the
# program imports it after it has set its signal handlers. Unbuffered (-u). The full path does not
# depend on PATH. GitHub requires root, and sets the working directory itself.
ENTRYPOINT ["/usr/local/bin/python3", "-I", "-S", "-u", "/action/entrypoint.py"]
