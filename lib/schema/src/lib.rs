//! Every event, id, draft, limit, tool and permission type. It knows no file, clock, socket or environment.
