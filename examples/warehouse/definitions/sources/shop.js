// The tables of the shop. seed.sql creates them.
["customers", "orders"].forEach((name) => declare({ schema: "shop", name }));
