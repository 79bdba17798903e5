-- Documents that clients upload for their KYB file, who was given links to them, and who read them.

-- The content is in the object store, sealed under a key of the document's own (in `data_key`, with the same id).
CREATE TABLE document (
    client_id   uuid        NOT NULL REFERENCES client,
    id          uuid        NOT NULL,               -- and the key
    state       text        NOT NULL CHECK (state IN ('uploading', 'stored', 'removing', 'erased')),
    about       bytea,                              -- name and digest, sealed under the document's key
    fingerprint bytea,                              -- keyed hash of name and content: finds the same upload again
    media_type  text        NOT NULL,
    size_bytes  bigint,                             -- of the content as it was uploaded
    created_at  timestamptz NOT NULL,
    created_by  text        NOT NULL,
    erased_at   timestamptz,
    removed_at  timestamptz,                        -- the object of what was erased is gone
    PRIMARY KEY (client_id, id),
    FOREIGN KEY (client_id, id) REFERENCES data_key (client_id, id),
    CHECK ((state = 'stored') = (about IS NOT NULL AND fingerprint IS NOT NULL)),
    CHECK ((state IN ('stored', 'erased')) = (size_bytes IS NOT NULL)),
    CHECK ((state = 'erased') = (erased_at IS NOT NULL))
);
CREATE UNIQUE INDEX document_once ON document (client_id, fingerprint) WHERE fingerprint IS NOT NULL;
-- What a worker has to look after: little, and mostly nothing.
CREATE INDEX document_unfinished ON document (created_at) WHERE state IN ('uploading', 'removing');
CREATE INDEX document_unremoved ON document (erased_at) WHERE state = 'erased' AND removed_at IS NULL;

-- Which documents each version of a KYB file names, and whose they are: an erasure needs no version opened to find them.
CREATE TABLE kyb_document (
    client_id   uuid        NOT NULL,
    version     integer     NOT NULL,
    document_id uuid        NOT NULL,               -- at one place of a version
    person_id   uuid,                               -- null: the company's
    PRIMARY KEY (client_id, version, document_id),
    FOREIGN KEY (client_id, version) REFERENCES kyb_version (client_id, version),
    FOREIGN KEY (client_id, document_id) REFERENCES document (client_id, id),
    FOREIGN KEY (client_id, person_id) REFERENCES data_key (client_id, id)
);
CREATE INDEX kyb_document_of ON kyb_document (client_id, person_id) WHERE person_id IS NOT NULL;

-- Leave to read documents by links, for one reader, until a time. The links are made from the grant's id.
CREATE TABLE document_grant (
    client_id     uuid        NOT NULL REFERENCES client,
    id            uuid        NOT NULL,
    onboarding_id uuid,                             -- whose end ends it
    reader        text        NOT NULL,
    document_ids  uuid[]      NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (client_id, id)
);
CREATE INDEX document_grant_onboarding ON document_grant (client_id, onboarding_id) WHERE onboarding_id IS NOT NULL;

-- Who read which document, when, and from where.
CREATE TABLE document_read (
    client_id   uuid        NOT NULL,
    document_id uuid        NOT NULL,
    id          uuid        NOT NULL,
    grant_id    uuid        NOT NULL,
    reader      text        NOT NULL,
    address     text        NOT NULL,
    method      text        NOT NULL CHECK (method IN ('GET', 'HEAD')),
    read_at     timestamptz NOT NULL,
    PRIMARY KEY (client_id, document_id, id),
    FOREIGN KEY (client_id, document_id) REFERENCES document (client_id, id),
    FOREIGN KEY (client_id, grant_id) REFERENCES document_grant (client_id, id)
);
