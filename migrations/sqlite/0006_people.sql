CREATE TABLE `consents` (
	`user_id` text NOT NULL,
	`client_key` integer NOT NULL,
	`client_id` text NOT NULL,
	`scope` text NOT NULL,
	`resources` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `client_key`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `consents_client` ON `consents` (`client_key`);--> statement-breakpoint
CREATE TABLE `ended_groups` (
	`name` text PRIMARY KEY NOT NULL,
	`ended_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ended_users` (
	`id` text PRIMARY KEY NOT NULL,
	`name_digest` text,
	`ended_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `ended_users_name` ON `ended_users` (`name_digest`) WHERE name_digest IS NOT NULL;--> statement-breakpoint
CREATE TABLE `group_members` (
	`user_id` text NOT NULL,
	`group_name` text NOT NULL,
	`added_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `group_name`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `group_members_group` ON `group_members` (`group_name`,`user_id`);--> statement-breakpoint
CREATE TABLE `groups` (
	`name` text PRIMARY KEY NOT NULL,
	`roles` text NOT NULL,
	`permissions` text NOT NULL,
	`claims` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `guesses` (
	`bucket` text PRIMARY KEY NOT NULL,
	`failures` integer NOT NULL,
	`blocked_until` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `guesses_expiry` ON `guesses` (`expires_at`);--> statement-breakpoint
CREATE TABLE `known_browsers` (
	`hash` text NOT NULL,
	`user_id` text NOT NULL,
	`last_seen_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`hash`, `user_id`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `known_browsers_expiry` ON `known_browsers` (`expires_at`);--> statement-breakpoint
CREATE TABLE `logout_deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`client_id` text NOT NULL,
	`sub` text NOT NULL,
	`session_id` text NOT NULL,
	`uri` text NOT NULL,
	`attempts` integer NOT NULL,
	`next_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `logout_deliveries_next` ON `logout_deliveries` (`next_at`);--> statement-breakpoint
CREATE INDEX `logout_deliveries_expiry` ON `logout_deliveries` (`expires_at`);--> statement-breakpoint
CREATE TABLE `one_time_values` (
	`kind` text NOT NULL,
	`hash` text NOT NULL,
	`id` text NOT NULL,
	`owner` text NOT NULL,
	`facts` text NOT NULL,
	`uses_left` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`kept_until` integer NOT NULL,
	`consumed_at` integer,
	`outcome` text,
	PRIMARY KEY(`kind`, `hash`)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `one_time_values_id` ON `one_time_values` (`id`);--> statement-breakpoint
CREATE INDEX `one_time_values_owner` ON `one_time_values` (`owner`,`kind`);--> statement-breakpoint
CREATE INDEX `one_time_values_kept` ON `one_time_values` (`kept_until`);--> statement-breakpoint
CREATE TABLE `passkeys` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`public_key` blob NOT NULL,
	`counter` integer NOT NULL,
	`transports` text NOT NULL,
	`aaguid` text NOT NULL,
	`name` text NOT NULL,
	`is_backed_up` integer NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `passkeys_user` ON `passkeys` (`user_id`,`created_at`);--> statement-breakpoint
CREATE TABLE `recovery_codes` (
	`user_id` text NOT NULL,
	`digest` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`user_id`, `digest`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `session_clients` (
	`session_id` text NOT NULL,
	`client_id` text NOT NULL,
	`first_at` integer NOT NULL,
	PRIMARY KEY(`session_id`, `client_id`),
	FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`secret_hash` text NOT NULL,
	`user_id` text NOT NULL,
	`auth_time` integer NOT NULL,
	`amr` text NOT NULL,
	`acr` text NOT NULL,
	`is_remembered` integer NOT NULL,
	`user_agent` text NOT NULL,
	`address` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`idle_expires_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`ended_at` integer,
	`ended_reason` text,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_secret` ON `sessions` (`secret_hash`);--> statement-breakpoint
CREATE INDEX `sessions_user` ON `sessions` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `sessions_expiry` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `sign_ins` (
	`id` text PRIMARY KEY NOT NULL,
	`browser_hash` text NOT NULL,
	`request` text NOT NULL,
	`return_to` text,
	`state` text NOT NULL,
	`user_id` text,
	`amr` text NOT NULL,
	`auth_time` integer,
	`session_id` text,
	`is_remembered` integer NOT NULL,
	`challenge` text,
	`pending_totp` text,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `sign_ins_browser` ON `sign_ins` (`browser_hash`);--> statement-breakpoint
CREATE INDEX `sign_ins_user` ON `sign_ins` (`user_id`) WHERE user_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `sign_ins_expiry` ON `sign_ins` (`expires_at`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`username` text NOT NULL,
	`email` text,
	`email_key` text,
	`name` text,
	`profile` text NOT NULL,
	`claims` text NOT NULL,
	`handle` text NOT NULL,
	`password_hash` text,
	`password_origin` text,
	`password_changed_at` integer,
	`must_change_password` integer NOT NULL,
	`totp_secret` text,
	`totp_used_step` integer NOT NULL,
	`disabled_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`last_login_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username` ON `users` (`username`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_email` ON `users` (`email_key`) WHERE email_key IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `users_handle` ON `users` (`handle`);--> statement-breakpoint
ALTER TABLE `clients` ADD `sign_in` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE `grants` ADD `session_id` text;--> statement-breakpoint
ALTER TABLE `grants` ADD `sign_in` text DEFAULT 'null' NOT NULL;--> statement-breakpoint
CREATE INDEX `grants_session` ON `grants` (`session_id`) WHERE session_id IS NOT NULL;--> statement-breakpoint
ALTER TABLE `resources` ADD `sign_in` text DEFAULT '{}' NOT NULL;