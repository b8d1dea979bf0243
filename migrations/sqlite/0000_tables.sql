CREATE TABLE `audit_events` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`actor` text NOT NULL,
	`action` text NOT NULL,
	`target` text NOT NULL,
	`request_id` text,
	`details` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_events_age` ON `audit_events` (`at`);--> statement-breakpoint
CREATE INDEX `audit_events_target` ON `audit_events` (`target`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_request` ON `audit_events` (`request_id`,`id`) WHERE request_id IS NOT NULL;--> statement-breakpoint
CREATE TABLE `blacklist_entries` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`value` text NOT NULL,
	`issued_before` integer NOT NULL,
	`expires_at` integer,
	`denies_until` integer NOT NULL,
	`refuses_new` integer NOT NULL,
	`reason` text,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`revision` integer NOT NULL,
	`removed_at` integer,
	CONSTRAINT "blacklist_entries_kind" CHECK(kind IN ('jti', 'sid', 'sub', 'client_id', 'kid'))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `blacklist_entries_revision` ON `blacklist_entries` (`revision`);--> statement-breakpoint
CREATE INDEX `blacklist_entries_value` ON `blacklist_entries` (`value`,`kind`);--> statement-breakpoint
CREATE INDEX `blacklist_entries_expiry` ON `blacklist_entries` (`expires_at`) WHERE expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `blacklist_entries_removal` ON `blacklist_entries` (`removed_at`) WHERE removed_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `changes` (
	`revision` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`noun` text NOT NULL,
	`id` text,
	`at` integer NOT NULL,
	CONSTRAINT "changes_noun" CHECK(noun IN ('client', 'resource', 'key', 'blacklist'))
);
--> statement-breakpoint
CREATE INDEX `changes_age` ON `changes` (`at`);--> statement-breakpoint
CREATE TABLE `client_secrets` (
	`id` text PRIMARY KEY NOT NULL,
	`client_key` integer NOT NULL,
	`kind` text NOT NULL,
	`digest` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	FOREIGN KEY (`client_key`) REFERENCES `clients`(`key`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "client_secrets_kind" CHECK(kind IN ('generated', 'brought'))
);
--> statement-breakpoint
CREATE INDEX `client_secrets_client` ON `client_secrets` (`client_key`);--> statement-breakpoint
CREATE INDEX `client_secrets_expiry` ON `client_secrets` (`expires_at`) WHERE expires_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `clients` (
	`key` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`client_id` text NOT NULL,
	`name` text,
	`grant_types` text NOT NULL,
	`scope` text NOT NULL,
	`resources` text NOT NULL,
	`redirect_uris` text NOT NULL,
	`token_endpoint_auth_method` text NOT NULL,
	`jwks` text NOT NULL,
	`access_token_ttl` integer,
	`refresh_token_ttl` integer,
	`refresh_token_idle_ttl` integer,
	`refresh_grace` integer,
	`claims` text NOT NULL,
	`allowed_claims` text NOT NULL,
	`disabled_at` integer,
	`grants_ended_until` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `clients_client_id_unique` ON `clients` (`client_id`);--> statement-breakpoint
CREATE TABLE `deleted_clients` (
	`client_key` integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE `grants` (
	`sid` text PRIMARY KEY NOT NULL,
	`client_key` integer NOT NULL,
	`sub` text NOT NULL,
	`resources` text NOT NULL,
	`scope` text NOT NULL,
	`claims` text NOT NULL,
	`family_secret` text NOT NULL,
	`generation` integer NOT NULL,
	`created_at` integer NOT NULL,
	`rotated_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`idle_expires_at` integer,
	`access_expires_at` integer NOT NULL,
	`ended_at` integer,
	`ended_reason` text
);
--> statement-breakpoint
CREATE INDEX `grants_client` ON `grants` (`client_key`,`sid`);--> statement-breakpoint
CREATE INDEX `grants_sub` ON `grants` (`sub`,`sid`);--> statement-breakpoint
CREATE INDEX `grants_expiry` ON `grants` (`expires_at`);--> statement-breakpoint
CREATE TABLE `resources` (
	`id` text PRIMARY KEY NOT NULL,
	`alg` text NOT NULL,
	`ttl` integer,
	`scope` text NOT NULL,
	`typ` text NOT NULL,
	`claims` text NOT NULL,
	`disabled_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT "resources_alg" CHECK(alg IN ('ES256', 'RS256')),
	CONSTRAINT "resources_typ" CHECK(typ IN ('at+jwt', 'JWT'))
);
--> statement-breakpoint
CREATE TABLE `settings` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`kid` text PRIMARY KEY NOT NULL,
	`alg` text NOT NULL,
	`status` text NOT NULL,
	`public_jwk` text NOT NULL,
	`sealed_private_key` text NOT NULL,
	`created_at` integer NOT NULL,
	`activated_at` integer,
	`deactivated_at` integer,
	`signed_until` integer NOT NULL,
	CONSTRAINT "signing_keys_alg" CHECK(alg IN ('ES256', 'RS256')),
	CONSTRAINT "signing_keys_status" CHECK(status IN ('next', 'active', 'retiring', 'retired', 'revoked')),
	CONSTRAINT "signing_keys_forgotten" CHECK(status NOT IN ('retired', 'revoked') OR sealed_private_key = '')
);
--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_active` ON `signing_keys` (`alg`) WHERE status = 'active';--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_next` ON `signing_keys` (`alg`) WHERE status = 'next';--> statement-breakpoint
CREATE TABLE `used_jtis` (
	`purpose` text NOT NULL,
	`owner` text NOT NULL,
	`jti_hash` blob NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`purpose`, `owner`, `jti_hash`)
);
--> statement-breakpoint
CREATE INDEX `used_jtis_expiry` ON `used_jtis` (`expires_at`);