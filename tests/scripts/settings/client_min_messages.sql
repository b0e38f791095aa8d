-- Which notices a client is told.
set client_min_messages = error;
drop table if exists nosuch;
commit;
set client_min_messages = warning;
drop table if exists nosuch;
commit;
set client_min_messages = log;
drop table if exists nosuch;
reset client_min_messages;
drop table if exists nosuch;
set client_min_messages = nosuch;
-- Offsets as time zones.
set time zone 2;
show time zone;
set time zone -3.5;
show time zone;
select timestamptz '2020-01-01 00:00+00';
reset time zone;
explain (format nosuch) select 1;
