-- The metadata of containerd. Times are nanoseconds since the epoch; labels are JSON objects of text.
-- Every statement may run again at each start.

CREATE TABLE IF NOT EXISTS namespaces (
    name TEXT PRIMARY KEY,
    labels TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS containers (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    image TEXT NOT NULL,
    runtime_name TEXT NOT NULL,
    runtime_options_type TEXT NOT NULL,
    runtime_options BLOB NOT NULL,
    spec_type TEXT NOT NULL,
    spec BLOB NOT NULL,
    snapshotter TEXT NOT NULL,
    snapshot_key TEXT NOT NULL,
    sandbox TEXT NOT NULL,
    extensions TEXT NOT NULL,           -- {name: [type, base64]}
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
);

CREATE TABLE IF NOT EXISTS sandboxes (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    runtime_name TEXT NOT NULL,
    runtime_options_type TEXT NOT NULL,
    runtime_options BLOB NOT NULL,
    spec_type TEXT NOT NULL,
    spec BLOB NOT NULL,
    sandboxer TEXT NOT NULL,
    extensions TEXT NOT NULL,           -- {name: [type, base64]}
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
);

CREATE TABLE IF NOT EXISTS images (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    annotations TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
);

CREATE TABLE IF NOT EXISTS content (
    namespace TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, digest)
);
CREATE INDEX IF NOT EXISTS content_by_digest ON content (digest);

CREATE TABLE IF NOT EXISTS leases (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
);

CREATE TABLE IF NOT EXISTS lease_resources (
    namespace TEXT NOT NULL,
    lease TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (namespace, lease, kind, id),
    FOREIGN KEY (namespace, lease) REFERENCES leases (namespace, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- One row: the boot of the machine (/proc/sys/kernel/random/boot_id) that wrote here last.
CREATE TABLE IF NOT EXISTS boots (
    boot TEXT PRIMARY KEY
) WITHOUT ROWID;

-- A namespace exists from the first object in it, as in the original.
CREATE TRIGGER IF NOT EXISTS containers_namespace AFTER INSERT ON containers
    BEGIN INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace); END;
CREATE TRIGGER IF NOT EXISTS sandboxes_namespace AFTER INSERT ON sandboxes
    BEGIN INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace); END;
CREATE TRIGGER IF NOT EXISTS images_namespace AFTER INSERT ON images
    BEGIN INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace); END;
CREATE TRIGGER IF NOT EXISTS content_namespace AFTER INSERT ON content
    BEGIN INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace); END;
CREATE TRIGGER IF NOT EXISTS leases_namespace AFTER INSERT ON leases
    BEGIN INSERT OR IGNORE INTO namespaces (name) VALUES (NEW.namespace); END;
