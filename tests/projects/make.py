"""Write the Dataform project of an invented web shop, and compile it with the real CLI.

See README.md in this folder. Every run writes the same project.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT_ID = "example-shop-warehouse"
JOINED_COLUMNS = 4  # the number of columns from a joined table, in addition to its keys

# system: (tag, {table: its columns, with the key first})
SOURCES: dict[str, tuple[str, dict[str, str]]] = {
    "shop": (
        "daily",
        {
            "customers": "customer_id email_hash country_code is_guest created_at",
            "addresses": "address_id customer_id country_code postcode_area created_at",
            "products": "product_id category_id brand_id supplier_id product_name launched_date",
            "product_variants": "variant_id product_id colour size list_price_amount cost_amount",
            "categories": "category_id parent_category_id category_name",
            "brands": "brand_id brand_name is_own_brand",
            "suppliers": "supplier_id supplier_name country_code lead_days_quantity",
            "stores": "store_id country_code store_name currency_code opened_date",
            "orders": "order_id customer_id store_id address_id currency_code status ordered_at",
            "order_lines": "order_line_id order_id variant_id line_quantity gross_amount "
            "discount_amount",
            "carts": "cart_id customer_id session_id store_id created_at",
            "cart_lines": "cart_line_id cart_id variant_id line_quantity added_at",
            "coupons": "coupon_id promotion_id coupon_code valid_from_date valid_to_date",
            "coupon_redemptions": "redemption_id coupon_id order_id redeemed_amount redeemed_at",
            "gift_cards": "gift_card_id order_id currency_code issued_amount issued_at",
            "wishlists": "wishlist_id customer_id product_id added_at",
            "reviews": "review_id product_id customer_id stars_quantity reviewed_at",
            "price_history": "price_change_id variant_id price_amount changed_at",
        },
    ),
    "payments": (
        "finance",
        {
            "charges": "charge_id order_id payment_method_id currency_code charged_amount "
            "fee_amount charged_at",
            "refunds": "refund_id charge_id order_id refunded_amount reason refunded_at",
            "disputes": "dispute_id charge_id disputed_amount outcome opened_at",
            "payouts": "payout_id currency_code paid_amount payout_date",
            "payout_lines": "payout_line_id payout_id charge_id line_amount",
            "payment_methods": "payment_method_id method_type is_wallet",
        },
    ),
    "logistics": (
        "logistics",
        {
            "warehouses": "warehouse_id country_code warehouse_name",
            "carriers": "carrier_id carrier_name is_express",
            "stock_levels": "stock_level_id warehouse_id variant_id on_hand_quantity counted_at",
            "stock_movements": "movement_id warehouse_id variant_id moved_quantity moved_at",
            "shipments": "shipment_id order_id warehouse_id carrier_id shipped_at delivered_at",
            "shipment_events": "event_id shipment_id event_type event_at",
            "returns": "return_id order_id warehouse_id reason returned_at",
            "return_lines": "return_line_id return_id order_line_id returned_quantity",
            "purchase_orders": "purchase_order_id supplier_id warehouse_id ordered_at due_date",
            "purchase_order_lines": "purchase_order_line_id purchase_order_id variant_id "
            "bought_quantity bought_amount",
        },
    ),
    "marketing": (
        "marketing",
        {
            "ad_campaigns": "campaign_id channel campaign_name country_code started_date",
            "ad_groups": "ad_group_id campaign_id ad_group_name",
            "ad_spend": "spend_id ad_group_id campaign_id currency_code spent_amount "
            "clicks_quantity spend_date",
            "email_campaigns": "email_campaign_id campaign_id subject_line planned_date",
            "email_sends": "send_id email_campaign_id customer_id sent_at",
            "email_events": "email_event_id send_id event_type event_at",
            "affiliates": "affiliate_id affiliate_name commission_rate",
            "affiliate_clicks": "click_id affiliate_id session_id clicked_at",
            "promotions": "promotion_id campaign_id promotion_name discount_rate",
            "audiences": "audience_id customer_id audience_name joined_at",
        },
    ),
    "web": (
        "hourly",
        {
            "sessions": "session_id customer_id campaign_id country_code device started_at",
            "page_views": "page_view_id session_id page_path viewed_at",
            "product_views": "product_view_id session_id product_id viewed_at",
            "searches": "search_id session_id search_term results_quantity searched_at",
            "cart_events": "cart_event_id session_id cart_id event_type event_at",
            "checkout_events": "checkout_event_id session_id order_id step event_at",
            "consents": "consent_id session_id is_granted decided_at",
            "experiments": "experiment_id experiment_name started_date",
            "experiment_exposures": "exposure_id experiment_id session_id variant_name exposed_at",
        },
    ),
    "support": (
        "daily",
        {
            "tickets": "ticket_id customer_id order_id topic opened_at closed_at",
            "ticket_messages": "message_id ticket_id direction sent_at",
            "ticket_events": "ticket_event_id ticket_id event_type event_at",
            "satisfaction": "answer_id ticket_id stars_quantity answered_at",
        },
    ),
    "finance": (
        "finance",
        {
            "ledger_accounts": "account_id account_name account_type",
            "journal_entries": "entry_id currency_code source_type posted_date",
            "journal_lines": "journal_line_id entry_id account_id debit_amount credit_amount",
            "exchange_rates": "currency_code rate_date euro_rate",
            "tax_rates": "country_code tax_rate valid_from_date",
            "invoices": "invoice_id supplier_id currency_code invoiced_amount invoice_date",
            "invoice_lines": "invoice_line_id invoice_id purchase_order_line_id line_amount",
            "budgets": "budget_id account_id country_code budget_amount budget_month_date",
        },
    ),
    "reference": (
        "weekly",
        {
            "countries": "country_code country_name region currency_code",
            "currencies": "currency_code currency_name minor_units_quantity",
            "calendar": "calendar_date week_number month_number year_number is_weekend",
            "holidays": "holiday_id country_code calendar_date holiday_name",
        },
    ),
}


@dataclass(frozen=True)
class Model:
    """A table or view: a base, its joins, and an optional aggregation."""

    name: str
    base: str
    joins: str = ""  # "table:key table:key"
    by: str = ""  # the columns to group by
    metrics: str = ""  # "name=function:column"
    kind: str = "table"
    key: str = ""
    tags: str = ""
    conditions: tuple[str, ...] = ()
    after: tuple[str, ...] = ()  # dependencies that are not in the query
    disabled: bool = False
    strict: bool = False  # waits for the assertions of its dependencies


M = Model
INTERMEDIATE = (
    M("int_products", "stg_shop__products", "stg_shop__categories:category_id "
      "stg_shop__brands:brand_id stg_shop__suppliers:supplier_id", key="product_id"),
    M("int_variants", "stg_shop__product_variants", "int_products:product_id", key="variant_id",
      conditions=("list_price_amount >= 0", "cost_amount <= list_price_amount")),
    M("int_variant_prices", "stg_shop__price_history", "int_variants:variant_id",
      by="variant_id", metrics="lowest_amount=min:price_amount highest_amount=max:price_amount"),
    M("int_exchange_rates", "stg_reference__currencies",
      "stg_finance__exchange_rates:currency_code", kind="view", key="currency_code"),
    M("int_stores", "stg_shop__stores", "stg_reference__countries:country_code "
      "int_exchange_rates:currency_code", key="store_id"),
    M("int_working_days", "stg_reference__calendar", "stg_reference__holidays:calendar_date",
      kind="view"),
    M("int_orders", "stg_shop__orders", "int_stores:store_id stg_shop__customers:customer_id "
      "stg_shop__addresses:address_id", kind="incremental", key="order_id", tags="hourly",
      conditions=("ordered_at <= CURRENT_TIMESTAMP()",)),
    M("int_order_lines", "stg_shop__order_lines", "int_orders:order_id int_variants:variant_id",
      kind="incremental", key="order_line_id", tags="hourly",
      conditions=("line_quantity > 0", "discount_amount <= gross_amount")),
    M("int_order_coupons", "stg_shop__coupon_redemptions", "stg_shop__coupons:coupon_id "
      "stg_marketing__promotions:promotion_id", by="order_id promotion_id",
      metrics="coupons=count:redemption_id coupon_amount=sum:redeemed_amount"),
    M("int_order_totals", "int_order_lines", "stg_finance__tax_rates:country_code",
      by="order_id store_id customer_id country_code ordered_at",
      metrics="lines=count:order_line_id units=sum:line_quantity gross_total=sum:gross_amount "
      "discount_total=sum:discount_amount", key="order_id", tags="hourly"),
    M("int_charges", "stg_payments__charges", "stg_payments__payment_methods:payment_method_id "
      "int_exchange_rates:currency_code", kind="incremental", key="charge_id", tags="finance",
      conditions=("charged_amount >= fee_amount",)),
    M("int_refunds", "stg_payments__refunds", "int_charges:charge_id", key="refund_id",
      tags="finance", conditions=("refunded_amount <= charged_amount",)),
    M("int_disputes", "stg_payments__disputes", "int_charges:charge_id", key="dispute_id",
      tags="finance"),
    M("int_payouts", "stg_payments__payout_lines", "stg_payments__payouts:payout_id "
      "int_charges:charge_id", key="payout_line_id", tags="finance"),
    M("int_order_payments", "int_charges", "int_order_totals:order_id", by="order_id",
      metrics="charged_total=sum:charged_amount fee_total=sum:fee_amount", key="order_id",
      tags="finance", strict=True),
    M("int_order_refunds", "int_refunds", by="order_id",
      metrics="refunds=count:refund_id refunded_total=sum:refunded_amount", tags="finance"),
    M("int_shipments", "stg_logistics__shipments", "stg_logistics__warehouses:warehouse_id "
      "stg_logistics__carriers:carrier_id int_order_totals:order_id", kind="incremental",
      key="shipment_id", tags="logistics"),
    M("int_shipment_progress", "stg_logistics__shipment_events", "int_shipments:shipment_id",
      by="shipment_id carrier_id", metrics="events=count:event_id last_event_at=max:event_at",
      tags="logistics"),
    M("int_returns", "stg_logistics__return_lines", "stg_logistics__returns:return_id "
      "int_order_lines:order_line_id", key="return_line_id", tags="logistics",
      conditions=("returned_quantity <= line_quantity",)),
    M("int_order_returns", "int_returns", by="order_id reason",
      metrics="returned_units=sum:returned_quantity", tags="logistics"),
    M("int_stock", "stg_logistics__stock_levels", "stg_logistics__warehouses:warehouse_id "
      "int_variants:variant_id", kind="incremental", key="stock_level_id", tags="logistics hourly"),
    M("int_stock_flow", "stg_logistics__stock_movements", "int_stock:variant_id",
      by="variant_id country_code", metrics="moved_units=sum:moved_quantity", tags="logistics"),
    M("int_purchases", "stg_logistics__purchase_order_lines",
      "stg_logistics__purchase_orders:purchase_order_id int_variants:variant_id",
      key="purchase_order_line_id", tags="logistics finance"),
    M("int_sessions", "stg_web__sessions", "stg_web__consents:session_id "
      "stg_reference__countries:country_code", kind="incremental", key="session_id",
      tags="hourly marketing"),
    M("int_session_pages", "stg_web__page_views", "int_sessions:session_id", by="session_id",
      metrics="pages=count:page_view_id left_at=max:viewed_at", tags="hourly"),
    M("int_session_products", "stg_web__product_views", "int_sessions:session_id "
      "int_products:product_id", by="session_id product_id category_id",
      metrics="views=count:product_view_id", tags="hourly"),
    M("int_session_searches", "stg_web__searches", "int_sessions:session_id",
      by="session_id search_term", metrics="searches=count:search_id", tags="hourly"),
    M("int_carts", "stg_shop__cart_lines", "stg_shop__carts:cart_id int_variants:variant_id",
      by="cart_id session_id customer_id", metrics="cart_lines=count:cart_line_id",
      key="cart_id"),
    M("int_cart_steps", "stg_web__cart_events", "int_carts:cart_id", by="session_id event_type",
      metrics="cart_events=count:cart_event_id", tags="hourly"),
    M("int_checkout_steps", "stg_web__checkout_events", "int_sessions:session_id "
      "int_order_totals:order_id", by="session_id step",
      metrics="checkouts=count:checkout_event_id reached_at=max:event_at", tags="hourly"),
    M("int_funnel", "int_session_pages", "int_cart_steps:session_id "
      "int_checkout_steps:session_id int_sessions:session_id", kind="view", tags="hourly"),
    M("int_experiments", "stg_web__experiment_exposures", "stg_web__experiments:experiment_id "
      "int_funnel:session_id", key="exposure_id"),
    M("int_ad_spend", "stg_marketing__ad_spend", "stg_marketing__ad_groups:ad_group_id "
      "stg_marketing__ad_campaigns:campaign_id int_exchange_rates:currency_code",
      kind="incremental", key="spend_id", tags="marketing", conditions=("spent_amount >= 0",)),
    M("int_email_sends", "stg_marketing__email_sends",
      "stg_marketing__email_campaigns:email_campaign_id stg_shop__customers:customer_id",
      kind="incremental", key="send_id", tags="marketing"),
    M("int_email_results", "stg_marketing__email_events", "int_email_sends:send_id",
      by="campaign_id event_type", metrics="email_events=count:email_event_id",
      tags="marketing"),
    M("int_affiliate_clicks", "stg_marketing__affiliate_clicks",
      "stg_marketing__affiliates:affiliate_id int_sessions:session_id", key="click_id",
      tags="marketing"),
    M("int_touches", "int_sessions", "int_affiliate_clicks:session_id "
      "int_checkout_steps:session_id stg_marketing__ad_campaigns:campaign_id", tags="marketing"),
    M("int_attribution", "int_touches", "int_order_totals:customer_id",
      by="order_id campaign_id channel", metrics="touches=count:session_id "
      "attributed_amount=sum:gross_total", tags="marketing", strict=True),
    M("int_customer_orders", "int_order_totals", "int_order_payments:order_id",
      by="customer_id", metrics="orders=count:order_id spent_total=sum:charged_total "
      "first_order_at=min:ordered_at last_order_at=max:ordered_at", key="customer_id"),
    M("int_customer_support", "stg_support__tickets", "stg_support__satisfaction:ticket_id",
      by="customer_id", metrics="tickets=count:ticket_id stars=avg:stars_quantity"),
    M("int_tickets", "stg_support__tickets", "stg_support__ticket_messages:ticket_id "
      "stg_support__ticket_events:ticket_id", by="ticket_id topic customer_id order_id",
      metrics="messages=count:message_id events=count:ticket_event_id", key="ticket_id"),
    M("int_customer_reviews", "stg_shop__reviews", "int_products:product_id", by="customer_id",
      metrics="reviews=count:review_id review_stars=avg:stars_quantity"),
    M("int_product_reviews", "stg_shop__reviews", "int_products:product_id", by="product_id",
      metrics="reviews=count:review_id review_stars=avg:stars_quantity", key="product_id"),
    M("int_customer_segments", "int_customer_orders", "int_customer_support:customer_id "
      "int_customer_reviews:customer_id stg_marketing__audiences:customer_id",
      tags="marketing"),
    M("int_journal", "stg_finance__journal_lines", "stg_finance__journal_entries:entry_id "
      "stg_finance__ledger_accounts:account_id", kind="incremental", key="journal_line_id",
      tags="finance", conditions=("debit_amount >= 0", "credit_amount >= 0")),
    M("int_invoices", "stg_finance__invoice_lines", "stg_finance__invoices:invoice_id "
      "int_purchases:purchase_order_line_id", key="invoice_line_id", tags="finance"),
    M("int_gift_cards", "stg_shop__gift_cards", "int_order_payments:order_id",
      key="gift_card_id", tags="finance"),
    M("int_order_margin", "int_order_lines", "int_order_refunds:order_id "
      "int_order_coupons:order_id int_order_payments:order_id", kind="incremental",
      key="order_line_id", tags="finance", strict=True),
    M("int_loyalty_points", "int_order_totals", "int_gift_cards:order_id", disabled=True,
      by="customer_id", metrics="points=sum:gross_total"),
)  # fmt: skip

CORE = (
    M("dim_products", "int_products", "int_product_reviews:product_id", key="product_id"),
    M("dim_variants", "int_variants", "int_variant_prices:variant_id", key="variant_id"),
    M("dim_stores", "int_stores", key="store_id"),
    M("dim_dates", "int_working_days", key="calendar_date"),
    M("dim_warehouses", "stg_logistics__warehouses", "stg_reference__countries:country_code",
      key="warehouse_id", tags="logistics"),
    M("dim_campaigns", "stg_marketing__ad_campaigns", "int_email_results:campaign_id",
      key="campaign_id", tags="marketing"),
    M("dim_accounts", "stg_finance__ledger_accounts", key="account_id", tags="finance"),
    M("dim_customers", "stg_shop__customers", "int_customer_segments:customer_id",
      key="customer_id", tags="pii"),
    M("fct_orders", "int_order_totals", "int_order_payments:order_id int_order_refunds:order_id "
      "int_order_returns:order_id dim_customers:customer_id dim_stores:store_id",
      kind="incremental", key="order_id", tags="hourly", strict=True,
      conditions=("gross_total >= 0", "units > 0")),
    M("fct_order_lines", "int_order_margin", "dim_variants:variant_id fct_orders:order_id",
      kind="incremental", key="order_line_id", tags="finance"),
    M("fct_returns", "int_returns", "dim_variants:variant_id fct_orders:order_id",
      key="return_line_id", tags="logistics"),
    M("fct_shipments", "int_shipments", "int_shipment_progress:shipment_id "
      "dim_warehouses:warehouse_id fct_orders:order_id", kind="incremental", key="shipment_id",
      tags="logistics"),
    M("fct_stock", "int_stock", "int_stock_flow:variant_id dim_warehouses:warehouse_id "
      "dim_variants:variant_id", key="stock_level_id", tags="logistics hourly"),
    M("fct_sessions", "int_sessions", "int_funnel:session_id dim_campaigns:campaign_id",
      kind="incremental", key="session_id", tags="hourly marketing"),
    M("fct_searches", "int_session_searches", "fct_sessions:session_id", tags="hourly"),
    M("fct_ad_spend", "int_ad_spend", "dim_campaigns:campaign_id", kind="incremental",
      key="spend_id", tags="marketing"),
    M("fct_attribution", "int_attribution", "fct_orders:order_id dim_campaigns:campaign_id",
      tags="marketing", strict=True),
    M("fct_journal", "int_journal", "dim_accounts:account_id int_exchange_rates:currency_code",
      kind="incremental", key="journal_line_id", tags="finance"),
    M("fct_invoices", "int_invoices", "dim_variants:variant_id", key="invoice_line_id",
      tags="finance"),
    M("fct_tickets", "int_tickets", "dim_customers:customer_id fct_orders:order_id",
      key="ticket_id"),
)  # fmt: skip

FINANCE = (
    M("revenue_by_order", "fct_order_lines", "dim_stores:store_id", by="order_id store_id",
      metrics="gross_revenue=sum:gross_amount discounts=sum:discount_amount", key="order_id",
      conditions=("gross_revenue >= discounts",)),
    M("revenue_by_store", "revenue_by_order", "dim_stores:store_id", by="store_id country_code",
      metrics="revenue=sum:gross_revenue orders=count:order_id", key="store_id"),
    M("revenue_by_country", "revenue_by_store", by="country_code",
      metrics="revenue=sum:revenue orders=sum:orders", key="country_code"),
    M("margin_by_product", "fct_order_lines", "dim_variants:variant_id", by="product_id",
      metrics="gross_revenue=sum:gross_amount units=sum:line_quantity", key="product_id"),
    M("payment_fees", "int_payouts", "int_charges:charge_id", by="payout_id",
      metrics="paid=sum:line_amount"),
    M("payout_reconciliation", "stg_payments__payouts", "payment_fees:payout_id "
      "int_exchange_rates:currency_code", key="payout_id", strict=True),
    M("dispute_losses", "int_disputes", "fct_orders:order_id", by="outcome country_code",
      metrics="disputes=count:dispute_id lost_amount=sum:disputed_amount"),
    M("refund_rate", "fct_orders", by="store_id country_code",
      metrics="orders=count:order_id refunded=sum:refunded_total"),
    M("gift_card_liability", "int_gift_cards", by="currency_code",
      metrics="liability=sum:issued_amount", kind="view"),
    M("trial_balance", "fct_journal", by="account_id account_type",
      metrics="debit=sum:debit_amount credit=sum:credit_amount", key="account_id"),
    M("budget_versus_actual", "stg_finance__budgets", "trial_balance:account_id "
      "revenue_by_country:country_code", key="budget_id"),
    M("supplier_spend", "fct_invoices", "stg_finance__invoices:invoice_id", by="supplier_id",
      metrics="spent=sum:line_amount", key="supplier_id"),
    M("tax_due", "revenue_by_country", "stg_finance__tax_rates:country_code",
      key="country_code"),
    M("month_end_close", "trial_balance", "budget_versus_actual:account_id", strict=True,
      after=("payout_reconciliation", "tax_due", "gift_card_liability", "supplier_spend")),
    M("revenue_forecast_old", "revenue_by_country", disabled=True),
)  # fmt: skip

MARKETING = (
    M("channel_performance", "fct_attribution", "fct_ad_spend:campaign_id", by="channel",
      metrics="orders=count:order_id revenue=sum:attributed_amount spend=sum:spent_amount",
      key="channel", conditions=("spend >= 0",)),
    M("campaign_performance", "fct_attribution", "fct_ad_spend:campaign_id", by="campaign_id",
      metrics="orders=count:order_id revenue=sum:attributed_amount spend=sum:spent_amount",
      key="campaign_id"),
    M("email_performance", "int_email_results", "dim_campaigns:campaign_id", by="campaign_id",
      metrics="email_events=sum:email_events", key="campaign_id"),
    M("affiliate_commission", "int_affiliate_clicks", "fct_sessions:session_id",
      by="affiliate_id", metrics="clicks=count:click_id", key="affiliate_id"),
    M("coupon_performance", "int_order_coupons", "fct_orders:order_id", by="promotion_id",
      metrics="coupons=sum:coupons revenue=sum:gross_total", key="promotion_id"),
    M("experiment_results", "int_experiments", "fct_sessions:session_id",
      by="experiment_id variant_name", metrics="sessions=count:session_id"),
    M("search_terms", "fct_searches", by="search_term", metrics="searches=sum:searches",
      key="search_term"),
    M("product_interest", "int_session_products", "dim_products:product_id "
      "stg_shop__wishlists:product_id", by="product_id",
      metrics="views=sum:views wishes=count:wishlist_id", key="product_id"),
    M("customer_value", "dim_customers", "fct_orders:customer_id", by="customer_id country_code",
      metrics="orders=count:order_id value=sum:gross_total", key="customer_id", tags="pii",
      strict=True),
    M("customer_cohorts", "customer_value", "int_customer_orders:customer_id",
      key="customer_id"),
    M("churn_risk", "customer_cohorts", "int_customer_support:customer_id", key="customer_id"),
    M("newsletter_audience", "churn_risk", "stg_marketing__audiences:customer_id", kind="view",
      tags="pii", after=("campaign_performance", "email_performance")),
    M("lookalike_audience", "newsletter_audience", disabled=True, tags="pii"),
)  # fmt: skip

OPERATIONS_MART = (
    M("delivery_times", "fct_shipments", by="carrier_id country_code",
      metrics="shipments=count:shipment_id last_event_at=max:last_event_at"),
    M("carrier_score", "delivery_times", "stg_logistics__carriers:carrier_id",
      by="carrier_id carrier_name", metrics="shipments=sum:shipments", key="carrier_id"),
    M("stock_on_hand", "fct_stock", by="warehouse_id variant_id",
      metrics="on_hand=max:on_hand_quantity moved=sum:moved_units", tags="hourly",
      conditions=("on_hand >= 0",)),
    M("stock_cover", "stock_on_hand", "dim_variants:variant_id margin_by_product:product_id",
      by="warehouse_id variant_id", metrics="on_hand=sum:on_hand"),
    M("reorder_proposals", "stock_cover", "int_purchases:variant_id", by="variant_id",
      metrics="on_hand=sum:on_hand bought=sum:bought_quantity", key="variant_id",
      strict=True),
    M("return_reasons", "fct_returns", by="reason country_code",
      metrics="returned=sum:returned_quantity"),
    M("ticket_backlog", "fct_tickets", by="topic", metrics="tickets=count:ticket_id",
      key="topic", tags="hourly"),
    M("cart_abandonment", "fct_sessions", "int_carts:session_id", by="country_code device",
      metrics="sessions=count:session_id carts=count:cart_id", tags="hourly"),
)  # fmt: skip

REPORTS = (
    M("report_executive_summary", "revenue_by_country", "tax_due:country_code "
      "refund_rate:country_code return_reasons:country_code cart_abandonment:country_code",
      after=("month_end_close", "channel_performance", "carrier_score", "ticket_backlog")),
    M("report_finance_pack", "month_end_close", "dim_accounts:account_id", tags="finance",
      after=("dispute_losses", "revenue_by_store")),
    M("report_marketing_mix", "channel_performance", tags="marketing",
      after=("campaign_performance", "coupon_performance", "affiliate_commission")),
    M("report_campaigns", "campaign_performance", "email_performance:campaign_id",
      kind="view", tags="marketing"),
    M("report_assortment", "margin_by_product", "product_interest:product_id "
      "dim_products:product_id"),
    M("report_stock", "reorder_proposals", "dim_variants:variant_id", tags="logistics"),
    M("report_deliveries", "delivery_times", "carrier_score:carrier_id", tags="logistics",
      kind="view"),
    M("report_customers", "churn_risk", "customer_cohorts:customer_id", tags="pii"),
    M("report_experiments", "experiment_results", kind="view", tags="weekly"),
    M("report_searches", "search_terms", kind="view", tags="weekly"),
    M("report_support", "ticket_backlog", kind="view"),
    M("report_board", "report_executive_summary", tags="weekly",
      after=("report_finance_pack", "report_marketing_mix", "report_stock")),
    M("report_coupons", "stg_shop__coupons", "coupon_performance:promotion_id",
      tags="marketing"),
    M("report_experiments_old", "report_experiments", disabled=True),
)  # fmt: skip

# folder: (dataset, tag, models)
LAYERS: dict[str, tuple[str, str, tuple[Model, ...]]] = {
    "intermediate": ("intermediate", "daily", INTERMEDIATE),
    "core": ("core", "daily", CORE),
    "marts/finance": ("mart_finance", "finance", FINANCE),
    "marts/marketing": ("mart_marketing", "marketing", MARKETING),
    "marts/operations": ("mart_operations", "logistics", OPERATIONS_MART),
    "reports": ("reporting", "daily", REPORTS),
}

# name: (a query that returns wrong rows, tags)
CHECKS: dict[str, tuple[str, str]] = {
    "orders_have_lines": (
        "SELECT order_id FROM ${ref('fct_orders')} AS o\n"
        "WHERE NOT EXISTS (SELECT 1 FROM ${ref('fct_order_lines')} AS l "
        "WHERE l.order_id = o.order_id)",
        "hourly quality",
    ),
    "revenue_matches_ledger": (
        "SELECT 1 FROM ${ref('revenue_by_country')} AS r CROSS JOIN ${ref('trial_balance')} AS b\n"
        "HAVING ABS(SUM(r.revenue) - SUM(b.credit)) > ${constants.TOLERANCE}",
        "finance quality",
    ),
    "journal_balances": (
        "SELECT entry_id FROM ${ref('fct_journal')}\nGROUP BY entry_id\n"
        "HAVING SUM(debit_amount) <> SUM(credit_amount)",
        "finance quality",
    ),
    "payouts_reconcile": (
        "SELECT payout_id FROM ${ref('payout_reconciliation')}\nWHERE paid <> paid_amount",
        "finance quality",
    ),
    "spend_has_a_campaign": (
        "SELECT spend_id FROM ${ref('fct_ad_spend')} AS s\n"
        "LEFT JOIN ${ref('dim_campaigns')} AS c USING (campaign_id)\n"
        "WHERE c.campaign_id IS NULL",
        "marketing quality",
    ),
    "stock_is_fresh": (
        "SELECT MAX(counted_at) AS counted_at FROM ${ref('fct_stock')}\n"
        "HAVING counted_at < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 6 HOUR)",
        "hourly logistics quality",
    ),
    "sessions_are_fresh": (
        "SELECT MAX(started_at) AS started_at FROM ${ref('fct_sessions')}\n"
        "HAVING started_at < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 6 HOUR)",
        "hourly quality",
    ),
    "every_country_sells": (
        "SELECT country_code FROM ${ref('stg_reference__countries')}\n"
        "WHERE country_code IN (${constants.COUNTRIES.map((c) => `'${c}'`).join(', ')})\n"
        "  AND country_code NOT IN (SELECT country_code FROM ${ref('revenue_by_country')})",
        "quality",
    ),
    "customers_are_hashed": (
        "SELECT customer_id FROM ${ref('dim_customers')}\nWHERE LENGTH(email_hash) <> 64",
        "pii quality",
    ),
    "board_report_is_complete": (
        "SELECT 1 FROM ${ref('report_board')}\nHAVING COUNT(*) < ${constants.COUNTRIES.length}",
        "weekly quality",
    ),
}


@dataclass(frozen=True)
class Operation:
    """A list of statements; with output, it is a table that other actions can read."""

    statements: tuple[str, ...]
    tags: str
    output: bool = False
    disabled: bool = False
    after: tuple[str, ...] = ()


OPERATIONS = {
    "load_functions": Operation(
        (
            "CREATE SCHEMA IF NOT EXISTS `${constants.PROJECT}.functions`",
            "CREATE OR REPLACE FUNCTION `${constants.PROJECT}.functions.net`"
            "(gross NUMERIC, rate NUMERIC) AS (gross / (1 + rate))",
        ),
        "daily",
    ),
    "snapshot_stock": Operation(
        ("CREATE OR REPLACE TABLE ${self()} AS\nSELECT CURRENT_DATE() AS snapshot_date, *\n"
         "FROM ${ref('stock_on_hand')}",),
        "logistics daily",
        output=True,
    ),
    "train_churn_model": Operation(
        ("CREATE OR REPLACE MODEL `${constants.PROJECT}.models.churn`\n"
         "OPTIONS (model_type = 'logistic_reg', input_label_cols = ['orders']) AS\n"
         "SELECT orders, value FROM ${ref('customer_value')}",),
        "marketing weekly",
        after=("customer_cohorts",),
    ),
    "score_churn": Operation(
        ("CREATE OR REPLACE TABLE ${self()} AS\nSELECT * FROM ML.PREDICT(\n"
         "  MODEL `${constants.PROJECT}.models.churn`, TABLE ${ref('customer_value')})",),
        "marketing weekly",
        output=True,
        after=("train_churn_model",),
    ),
    "export_audience": Operation(
        ("EXPORT DATA OPTIONS (uri = '${constants.EXPORTS}/audience-*.csv', format = 'CSV') AS\n"
         "SELECT a.customer_id FROM ${ref('newsletter_audience')} AS a\n"
         "JOIN ${ref('score_churn')} AS s USING (customer_id)",),
        "marketing weekly pii",
    ),
    "export_finance_pack": Operation(
        ("EXPORT DATA OPTIONS (uri = '${constants.EXPORTS}/finance-*.parquet', "
         "format = 'PARQUET') AS\nSELECT * FROM ${ref('report_finance_pack')}",),
        "finance",
    ),
    "export_reorders": Operation(
        ("EXPORT DATA OPTIONS (uri = '${constants.EXPORTS}/reorders-*.csv', format = 'CSV') AS\n"
         "SELECT * FROM ${ref('reorder_proposals')}",),
        "logistics",
    ),
    "grant_reports": Operation(
        ("GRANT `roles/bigquery.dataViewer` ON TABLE ${ref('report_board')}\n"
         "TO 'group:reports@example.com'",
         "GRANT `roles/bigquery.dataViewer` ON TABLE ${ref('report_executive_summary')}\n"
         "TO 'group:reports@example.com'"),
        "daily",
    ),
    "erase_customers": Operation(
        ("DELETE FROM ${ref('dim_customers')} WHERE customer_id IN (\n"
         "  SELECT customer_id FROM ${ref('stg_shop__customers')} WHERE is_guest)",),
        "pii weekly",
    ),
    "search_index": Operation(
        ("CREATE SEARCH INDEX IF NOT EXISTS search_term_index\n"
         "ON ${ref('search_terms')} (search_term)",),
        "weekly",
    ),
    "freeze_month": Operation(
        ("CREATE SNAPSHOT TABLE ${self()} CLONE ${ref('month_end_close')}",),
        "finance",
        output=True,
    ),
    "drop_old_partitions": Operation(
        ("DELETE FROM ${ref('fct_sessions')}\n"
         "WHERE started_at < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 400 DAY)",),
        "weekly",
        disabled=True,
    ),
    "finish": Operation(
        ("SELECT 'finished'",),
        "daily",
        after=("grant_reports", "export_finance_pack", "export_reorders", "freeze_month"),
    ),
}  # fmt: skip

CONSTANTS = """\
const PROJECT = "example-shop-warehouse";
const EXPORTS = "gs://example-shop-exports";
const COUNTRIES = ["AT", "BE", "CH", "DE", "DK", "ES", "FR", "IT", "NL", "SE"];
const REGIONS = { north: ["DK", "SE"], south: ["ES", "IT"], centre: ["AT", "CH", "DE"] };
const TOLERANCE = 0.01;

module.exports = { PROJECT, EXPORTS, COUNTRIES, REGIONS, TOLERANCE };
"""

HELPERS = """\
function money(column) {
  return `ROUND(CAST(${column} AS NUMERIC), 2)`;
}

function latest(key, time) {
  return `QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key} ORDER BY ${time} DESC) = 1`;
}

function newer(column, table) {
  return `WHERE ${column} > (SELECT MAX(${column}) FROM ${table})`;
}

module.exports = { money, latest, newer };
"""

COUNTRY_SALES = """\
// One table for each country that the shop delivers to.
constants.COUNTRIES.forEach((country) => {
  publish(`sales_${country.toLowerCase()}`, {
    type: "table",
    schema: "mart_countries",
    tags: ["daily", "countries"],
    assertions: { uniqueKey: ["store_id"] },
  }).query(
    (ctx) => `SELECT * FROM ${ctx.ref("revenue_by_store")} WHERE country_code = '${country}'`
  );
});

publish("sales_all_countries", {
  type: "view",
  schema: "mart_countries",
  tags: ["daily", "countries"],
}).query((ctx) =>
  constants.COUNTRIES.map(
    (country) => `SELECT * FROM ${ctx.ref(`sales_${country.toLowerCase()}`)}`
  ).join("\\nUNION ALL\\n")
);
"""

REGIONAL_TARGETS = """\
config {
  type: "table",
  schema: "reporting",
  description: "What each region is expected to sell.",
  tags: ["weekly", "finance"],
}

js {
  const countries = constants.REGIONS.%s;
  const list = countries.map((country) => `'${country}'`).join(", ");
}

SELECT
  country_code,
  revenue * 1.05 AS target_amount
FROM ${ref("revenue_by_country")}
WHERE country_code IN (${list})
"""

DUPLICATE = """\
config {
  type: "table",
  schema: "reporting",
  name: "report_searches",
  description: "A copy that kept its name.",
  tags: ["weekly"],
}

SELECT * FROM ${ref("fct_searches")}
"""


@dataclass
class Project:
    """The texts of all files, and the columns of all tables."""

    files: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")


def project(core_version: str, *, broken: bool = False) -> Project:
    """Return the project of the shop, with its three errors if it is ``broken``."""
    made = Project()
    package = {"name": "shop", "dependencies": {"@dataform/core": core_version}}
    made.files["package.json"] = json.dumps(package, indent=2) + "\n"
    made.files["workflow_settings.yaml"] = (
        f"defaultProject: {PROJECT_ID}\ndefaultLocation: EU\ndefaultDataset: shop\n"
        "defaultAssertionDataset: assertions\n"
    )
    made.files["includes/constants.js"] = CONSTANTS
    made.files["includes/helpers.js"] = HELPERS
    for system, (tag, tables) in SOURCES.items():
        _sources(made, system, tables)
        for table, columns in tables.items():
            _staging(made, system, table, columns.split(), tag)
    for folder, (dataset, tag, models) in LAYERS.items():
        for model in models:
            _model(made, folder, dataset, tag, model)
    for name, (query, tags) in CHECKS.items():
        options = {"type": "assertion", "tags": tags.split()}
        made.files[f"definitions/assertions/{name}.sqlx"] = _sqlx(options, query)
    for name, operation in OPERATIONS.items():
        made.files[f"definitions/operations/{name}.sqlx"] = _operation(operation)
    made.files["definitions/marts/countries/country_sales.js"] = COUNTRY_SALES
    made.files["definitions/reports/regional_targets.sqlx"] = REGIONAL_TARGETS % (
        "centre" if not broken else "middle"
    )
    if broken:
        coupons = "definitions/reports/report_coupons.sqlx"
        made.files[coupons] = made.files[coupons].replace("stg_shop__coupons", "stg_shop__vouchers")
        made.files["definitions/reports/report_searches_copy.sqlx"] = DUPLICATE
    return made


def _sources(made: Project, system: str, tables: Mapping[str, str]) -> None:
    """Declare the tables of a system: reference data in one script, others in separate files."""
    dataset = f"raw_{system}"
    if system == "reference":
        names = json.dumps(list(tables))
        made.files["definitions/sources/reference.js"] = (
            f'{names}.forEach((name) => declare({{ schema: "{dataset}", name }}));\n'
        )
        return
    for table in tables:
        options = {
            "type": "declaration",
            "schema": dataset,
            "name": table,
            "description": f"The {table.replace('_', ' ')} as the {system} system delivers them.",
        }
        made.files[f"definitions/sources/{system}/{table}.sqlx"] = _sqlx(options, "")


def _staging(made: Project, system: str, table: str, columns: list[str], tag: str) -> None:
    name = f"stg_{system}__{table}"
    options: dict[str, Any] = {
        "type": "view",
        "schema": "staging",
        "description": f"The {table.replace('_', ' ')} of the {system} system, typed and renamed.",
        "tags": list(dict.fromkeys(["staging", tag])),
    }
    if columns[0].endswith("_id") and table.endswith(("orders", "lines", "customers", "charges")):
        options["assertions"] = {"uniqueKey": [columns[0]], "nonNull": [columns[0]]}
    lines = ",\n".join(f"  {_cast(column)} AS {column}" for column in columns)
    query = f'SELECT\n{lines}\nFROM ${{ref("raw_{system}", "{table}")}}'
    times = [column for column in columns if column.endswith("_at")]
    if times:
        query += f'\n${{helpers.latest("{columns[0]}", "{times[-1]}")}}'
    made.columns[name] = columns
    made.files[f"definitions/staging/{system}/{name}.sqlx"] = _sqlx(options, query)


def _cast(column: str) -> str:
    if column.endswith("_amount"):
        return f'${{helpers.money("{column}")}}'
    types = {"_at": "TIMESTAMP", "_date": "DATE", "_quantity": "INT64", "_rate": "NUMERIC"}
    kind = next((kind for end, kind in types.items() if column.endswith(end)), "STRING")
    return f"CAST({column} AS {'BOOL' if column.startswith('is_') else kind})"


def _model(made: Project, folder: str, dataset: str, tag: str, model: Model) -> None:
    options: dict[str, Any] = {
        "type": model.kind,
        "schema": dataset,
        "description": model.name.replace("_", " ").capitalize() + ".",
        "tags": list(dict.fromkeys([tag, *model.tags.split()])),
    }
    columns, query = _query(made, model)
    made.columns[model.name] = columns
    times = [column for column in columns if column.endswith("_at")]
    if model.kind == "incremental":
        time = times[0] if times else ""
        dates = [column for column in columns if column.endswith("_date")]
        options["uniqueKey"] = [model.key]
        if time or dates:
            options["bigquery"] = {"partitionBy": f"DATE({time})" if time else dates[0]}
            newer = f'helpers.newer("{time or dates[0]}", self())'
            query += f"\n${{when(incremental(), {newer})}}"
    if model.disabled:
        options["disabled"] = True
    if model.strict:
        options["dependOnDependencyAssertions"] = True
    if model.after:
        options["dependencies"] = list(model.after)
    assertions: dict[str, Any] = {}
    if model.key:
        if model.key not in columns:
            raise ValueError(f"{model.name} has no column {model.key}")
        assertions = {"uniqueKey": [model.key], "nonNull": [model.key]}
    if model.conditions:
        assertions["rowConditions"] = list(model.conditions)
    if assertions:
        options["assertions"] = assertions
    made.files[f"definitions/{folder}/{model.name}.sqlx"] = _sqlx(options, query)


def _query(made: Project, model: Model) -> tuple[list[str], str]:
    """Return the columns and the query; raise ValueError for an unknown column."""
    columns = list(made.columns[model.base])
    selected = [f"base.{column}" for column in columns]
    text = f'FROM ${{ref("{model.base}")}} AS base'
    for number, join in enumerate(model.joins.split(), 1):
        table, key = join.split(":")
        joined = made.columns[table]
        taken = [c for c in joined if c not in columns and c.endswith(("_id", "_code"))]
        others = [c for c in joined if c not in columns and c not in taken]
        taken += others[:JOINED_COLUMNS]
        if key not in joined or key not in columns:
            raise ValueError(f"{model.name} cannot join {table} by {key}")
        text += f'\nLEFT JOIN ${{ref("{table}")}} AS j{number} USING ({key})'
        columns += taken
        selected += [f"j{number}.{column}" for column in taken]
    if not model.by:
        return columns, "SELECT\n  " + ",\n  ".join(selected) + "\n" + text
    by = model.by.split()
    metrics = [re.split("[=:]", metric) for metric in model.metrics.split()]
    for column in [*by, *(metric[2] for metric in metrics)]:
        if column not in columns:
            raise ValueError(f"{model.name} reads {column}, which is not in {columns}")
    full = dict(zip(columns, selected, strict=True))
    lines = [full[column] for column in by]
    for name, function, column in metrics:
        distinct = "DISTINCT " if function == "count" else ""
        lines.append(f"{function.upper()}({distinct}{full[column]}) AS {name}")
    grouped = ", ".join(str(number) for number in range(1, len(by) + 1))
    query = "SELECT\n  " + ",\n  ".join(lines) + f"\n{text}\nGROUP BY {grouped}"
    return by + [metric[0] for metric in metrics], query


def _operation(operation: Operation) -> str:
    options: dict[str, Any] = {"type": "operations", "schema": "operations"}
    options["tags"] = operation.tags.split()
    if operation.output:
        options["hasOutput"] = True
    if operation.disabled:
        options["disabled"] = True
    if operation.after:
        options["dependencies"] = list(operation.after)
    return _sqlx(options, "\n---\n".join(operation.statements))


def _sqlx(options: Mapping[str, Any], query: str) -> str:
    lines = "".join(f"  {name}: {json.dumps(value)},\n" for name, value in options.items())
    return f"config {{\n{lines}}}\n" + (f"\n{query}\n" if query else "")


def compile_project(made: Project, tools: Path, folder: Path) -> tuple[int, str, str]:
    """Write and compile a project; return the CLI's exit code, output and errors."""
    made.write(folder)
    core = Path("node_modules", "@dataform", "core")
    shutil.copytree(tools / core, folder / core)
    node = shutil.which("node")
    if node is None:
        raise FileNotFoundError("node is not installed")
    command = [node, str(tools / "node_modules/@dataform/cli/bundle.js"), "compile", "--json"]
    done = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, timeout=180, check=False
    )
    return done.returncode, done.stdout, done.stderr


def dump(graph: Mapping[str, Any]) -> str:
    """Return compact JSON with one action per line."""
    parts = []
    for name, value in graph.items():
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if isinstance(value, list):
            lines = [json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in value]
            text = "[\n" + ",\n".join(lines) + "\n]"
        parts.append(f"{json.dumps(name)}:{text}")
    return "{" + ",\n".join(parts) + "}\n"


def _make(name: str, tools: Path, keep: Path | None) -> str:
    """Write a graph, and return a line about the compilation."""
    package = json.loads((tools / "node_modules/@dataform/core/package.json").read_text("utf-8"))
    made = project(str(package["version"]), broken=name == "shop-broken")
    if keep is not None:
        made.write(keep / name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        code, stdout, stderr = compile_project(made, tools, folder)
    for place, replacement in ((folder, "/project"), (tools, "/tools")):
        stdout = stdout.replace(str(place), replacement)
        stderr = stderr.replace(str(place), replacement)
    text = dump(json.loads(stdout))
    (HERE / f"{name}.json").write_text(text, "utf-8")
    return f"{name}: exit {code}, {len(text)} characters, on stderr: {stderr.strip() or 'nothing'}"


def main() -> int:
    """Compile both variants and write them to this folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", type=Path, help="the folder with @dataform/cli and core")
    parser.add_argument("older", type=Path, help="the folder with an older version")
    parser.add_argument("--keep", type=Path, help="also write the sources to this folder")
    arguments = parser.parse_args()
    for name, tools in (("shop", arguments.tools), ("shop-broken", arguments.older)):
        sys.stdout.write(_make(name, tools.resolve(), arguments.keep) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
