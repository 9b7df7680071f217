CREATE SCHEMA IF NOT EXISTS `my-project.shop`;

CREATE OR REPLACE TABLE `my-project.shop.customers` (id INT64, name STRING, country STRING);
INSERT INTO `my-project.shop.customers` (id, name, country) VALUES
  (1, 'Ada', 'AT'),
  (2, 'Ben', 'DE'),
  (3, 'Cleo', 'AT');

CREATE OR REPLACE TABLE `my-project.shop.orders`
  (id INT64, customer_id INT64, ordered_at TIMESTAMP, amount NUMERIC, currency STRING);
INSERT INTO `my-project.shop.orders` (id, customer_id, ordered_at, amount, currency) VALUES
  (1, 1, TIMESTAMP '2026-01-02 10:00:00+00', 40, 'EUR'),
  (2, 1, TIMESTAMP '2026-01-03 11:30:00+00', 15.5, 'EUR'),
  (3, 2, TIMESTAMP '2026-01-03 12:00:00+00', 99.9, 'EUR'),
  (4, 3, TIMESTAMP '2026-01-04 08:15:00+00', 20, 'USD'),
  (5, 9, TIMESTAMP '2026-01-05 09:45:00+00', 7, 'EUR');
