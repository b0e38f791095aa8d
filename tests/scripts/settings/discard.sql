-- DISCARD ALL forgets what the session did.
prepare p as select 1;
set application_name = 'me';
discard all;
execute p;
show application_name;
begin;
discard all;
rollback;
