ALTER TABLE "clients" ADD COLUMN "declared_by" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "groups" ADD COLUMN "declared_by" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "resources" ADD COLUMN "declared_by" text COLLATE "C";