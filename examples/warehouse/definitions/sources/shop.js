// The tables of the shop, which seed.sql makes.
["customers", "orders"].forEach((name) => declare({ schema: "shop", name }));
