#!/bin/sh
# Runs once, when the registry's database is made: its owner, who runs the migrations, and the application's login, who
# owns nothing and has what the migrations grant to the group perennial_app.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password REGISTRY_OWNER_PASSWORD
\getenv app_password REGISTRY_APP_PASSWORD
SET log_min_error_statement = panic;
CREATE ROLE perennial_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE perennial LOGIN PASSWORD :'app_password';
CREATE ROLE perennial_app NOLOGIN;
GRANT perennial_app TO perennial;
CREATE DATABASE perennial OWNER perennial_owner;
REVOKE ALL ON DATABASE perennial FROM PUBLIC;
GRANT CONNECT ON DATABASE perennial TO perennial;
SQL
