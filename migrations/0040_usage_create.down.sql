DROP TABLE usage_sum;
DROP TABLE usage_day;
DROP TABLE usage_reservation;
DROP TABLE usage_limit;
DROP TABLE usage_entry;
