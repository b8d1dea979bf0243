CREATE TABLE `deleted_resources` (
	`id` text PRIMARY KEY NOT NULL,
	`deleted_at` integer NOT NULL
);
