#!/bin/sh
# Brings Temporal's two databases up to date; again is harmless. The password comes as SQL_PASSWORD.
set -eu
for part in temporal visibility; do
  database=temporal
  [ "$part" = visibility ] && database=temporal_visibility
  sql="temporal-sql-tool --plugin postgres12 --ep temporal-postgres -p 5432 -u temporal --db $database"
  $sql create
  $sql setup-schema -v 0.0
  $sql update-schema -d "/etc/temporal/schema/postgresql/v12/$part/versioned"
done
