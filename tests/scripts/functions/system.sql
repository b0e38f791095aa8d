-- Functions about the session and the server.
select current_user, session_user, user, current_database() = current_catalog, current_schema, current_schema();
select pg_backend_pid() > 0, pg_backend_pid() = pg_backend_pid();
select version() like 'PostgreSQL 15.%';
select pg_sleep(0), pg_sleep(0.001);
select current_setting('server_encoding'), current_setting('client_encoding');
select current_setting('no.such');
select current_setting('no.such', true);
select current_setting('nosuch');
select pg_sleep('x');
select version;
