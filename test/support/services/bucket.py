"""A store that speaks S3, for tests: OpenStack Swift in one process, its objects in memory. bucket.py FOLDER PORT"""

import os
import signal
import sys

import eventlet

eventlet.monkey_patch()

import eventlet.wsgi  # noqa: E402
from swift.common import utils  # noqa: E402

folder, port = sys.argv[1], int(sys.argv[2])
os.makedirs(f'{folder}/devices/one', exist_ok=True)
with open(f'{folder}/swift.conf', 'w') as conf:
    conf.write('[swift-hash]\nswift_hash_path_prefix = waycast\nswift_hash_path_suffix = waycast\n')
utils.SWIFT_CONF_FILE = f'{folder}/swift.conf'
utils.validate_hash_conf()

from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

SHARED = f"""[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
recon_cache_path = {folder}
fallocate_reserve = 0
disable_fallocate = true
log_level = CRITICAL
"""

PROXY = """[pipeline:main]
pipeline = catch_errors gatekeeper cache bulk s3api tempauth copy slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
check_bucket_owner = false
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
"""

STORES = {'account': 'account', 'container': 'container', 'object': 'mem_object'}


class Silent:
    def write(self, _):
        pass

    def flush(self):
        pass

    def debug(self, *_):
        pass

    info = error = warning = exception = debug


def serve(socket, name, content):
    path = f'{folder}/{name}.conf'
    with open(path, 'w') as conf:
        conf.write(SHARED + content)
    app = loadapp(path, global_conf={'log_name': name})
    eventlet.spawn(eventlet.wsgi.server, socket, app, log=Silent(), log_output=False, debug=False)


def ring(name, at):
    builder = RingBuilder(2, 1, 0)
    builder.add_dev(
        {
            'id': 0,
            'region': 1,
            'zone': 1,
            'ip': '127.0.0.1',
            'port': at,
            'replication_ip': '127.0.0.1',
            'replication_port': at,
            'device': 'one',
            'weight': 1.0,
            'meta': '',
        }
    )
    builder.rebalance()
    builder.get_ring().save(f'{folder}/{name}.ring.gz')


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
sockets = {name: eventlet.listen(('127.0.0.1', 0)) for name in STORES}
for name, socket in sockets.items():
    ring(name, socket.getsockname()[1])
for name, app in STORES.items():
    serve(sockets[name], f'{name}-server', f'[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{app}\n')
serve(eventlet.listen(('127.0.0.1', port)), 'proxy-server', PROXY)
print('ready', flush=True)
# Ends with whoever started it.
while os.getppid() != 1:
    eventlet.sleep(1)
