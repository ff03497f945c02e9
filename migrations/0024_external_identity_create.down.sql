DROP TABLE oidc_ticket;
DROP TABLE oidc_flow;
DROP TABLE oidc_provider;
DROP TABLE external_identity;
