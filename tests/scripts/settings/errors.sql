-- Settings that do not exist, do not change, or do not take the value.
show nosuch;
set nosuch = 1;
reset nosuch;
set server_version = '1';
set extra_float_digits = 100;
set extra_float_digits = 'x';
set client_encoding = 'nosuch';
set datestyle = 'nosuch';
set statement_timeout = 'abc';
set statement_timeout = -5;
set standard_conforming_strings = maybe;
set default_transaction_isolation = 'nonsense';
