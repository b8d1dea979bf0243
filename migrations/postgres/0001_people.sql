CREATE TABLE "consents" (
	"user_id" text COLLATE "C" NOT NULL,
	"client_key" bigint NOT NULL,
	"client_id" text COLLATE "C" NOT NULL,
	"scope" text COLLATE "C" NOT NULL,
	"resources" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	CONSTRAINT "consents_user_id_client_key_pk" PRIMARY KEY("user_id","client_key")
);
--> statement-breakpoint
CREATE TABLE "ended_groups" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL,
	"ended_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ended_users" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"name_digest" text COLLATE "C",
	"ended_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "group_members" (
	"user_id" text COLLATE "C" NOT NULL,
	"group_name" text COLLATE "C" NOT NULL,
	"added_at" bigint NOT NULL,
	CONSTRAINT "group_members_user_id_group_name_pk" PRIMARY KEY("user_id","group_name")
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL,
	"roles" text COLLATE "C" NOT NULL,
	"permissions" text COLLATE "C" NOT NULL,
	"claims" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "guesses" (
	"bucket" text COLLATE "C" PRIMARY KEY NOT NULL,
	"failures" bigint NOT NULL,
	"blocked_until" bigint NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "known_browsers" (
	"hash" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"last_seen_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	CONSTRAINT "known_browsers_hash_user_id_pk" PRIMARY KEY("hash","user_id")
);
--> statement-breakpoint
CREATE TABLE "logout_deliveries" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"client_id" text COLLATE "C" NOT NULL,
	"sub" text COLLATE "C" NOT NULL,
	"session_id" text COLLATE "C" NOT NULL,
	"uri" text COLLATE "C" NOT NULL,
	"attempts" bigint NOT NULL,
	"next_at" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "one_time_values" (
	"kind" text COLLATE "C" NOT NULL,
	"hash" text COLLATE "C" NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"owner" text COLLATE "C" NOT NULL,
	"facts" text COLLATE "C" NOT NULL,
	"uses_left" bigint NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"kept_until" bigint NOT NULL,
	"consumed_at" bigint,
	"outcome" text COLLATE "C",
	CONSTRAINT "one_time_values_kind_hash_pk" PRIMARY KEY("kind","hash")
);
--> statement-breakpoint
CREATE TABLE "passkeys" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"public_key" "bytea" NOT NULL,
	"counter" bigint NOT NULL,
	"transports" text COLLATE "C" NOT NULL,
	"aaguid" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"is_backed_up" boolean NOT NULL,
	"created_at" bigint NOT NULL,
	"last_used_at" bigint
);
--> statement-breakpoint
CREATE TABLE "recovery_codes" (
	"user_id" text COLLATE "C" NOT NULL,
	"digest" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	CONSTRAINT "recovery_codes_user_id_digest_pk" PRIMARY KEY("user_id","digest")
);
--> statement-breakpoint
CREATE TABLE "session_clients" (
	"session_id" text COLLATE "C" NOT NULL,
	"client_id" text COLLATE "C" NOT NULL,
	"first_at" bigint NOT NULL,
	CONSTRAINT "session_clients_session_id_client_id_pk" PRIMARY KEY("session_id","client_id")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"secret_hash" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C" NOT NULL,
	"auth_time" bigint NOT NULL,
	"amr" text COLLATE "C" NOT NULL,
	"acr" text COLLATE "C" NOT NULL,
	"is_remembered" boolean NOT NULL,
	"user_agent" text COLLATE "C" NOT NULL,
	"address" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"last_seen_at" bigint NOT NULL,
	"idle_expires_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL,
	"ended_at" bigint,
	"ended_reason" text COLLATE "C"
);
--> statement-breakpoint
CREATE TABLE "sign_ins" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"browser_hash" text COLLATE "C" NOT NULL,
	"request" text COLLATE "C" NOT NULL,
	"return_to" text COLLATE "C",
	"state" text COLLATE "C" NOT NULL,
	"user_id" text COLLATE "C",
	"amr" text COLLATE "C" NOT NULL,
	"auth_time" bigint,
	"session_id" text COLLATE "C",
	"is_remembered" boolean NOT NULL,
	"challenge" text COLLATE "C",
	"pending_totp" text COLLATE "C",
	"created_at" bigint NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"username" text COLLATE "C" NOT NULL,
	"email" text COLLATE "C",
	"email_key" text COLLATE "C",
	"name" text COLLATE "C",
	"profile" text COLLATE "C" NOT NULL,
	"claims" text COLLATE "C" NOT NULL,
	"handle" text COLLATE "C" NOT NULL,
	"password_hash" text COLLATE "C",
	"password_origin" text COLLATE "C",
	"password_changed_at" bigint,
	"must_change_password" boolean NOT NULL,
	"totp_secret" text COLLATE "C",
	"totp_used_step" bigint NOT NULL,
	"disabled_at" bigint,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL,
	"last_login_at" bigint
);
--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "sign_in" text COLLATE "C" DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "grants" ADD COLUMN "session_id" text COLLATE "C";--> statement-breakpoint
ALTER TABLE "grants" ADD COLUMN "sign_in" text COLLATE "C" DEFAULT 'null' NOT NULL;--> statement-breakpoint
ALTER TABLE "resources" ADD COLUMN "sign_in" text COLLATE "C" DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "consents" ADD CONSTRAINT "consents_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "group_members" ADD CONSTRAINT "group_members_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "known_browsers" ADD CONSTRAINT "known_browsers_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "passkeys" ADD CONSTRAINT "passkeys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_clients" ADD CONSTRAINT "session_clients_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "consents_client" ON "consents" USING btree ("client_key");--> statement-breakpoint
CREATE INDEX "ended_users_name" ON "ended_users" USING btree ("name_digest") WHERE name_digest IS NOT NULL;--> statement-breakpoint
CREATE INDEX "group_members_group" ON "group_members" USING btree ("group_name","user_id");--> statement-breakpoint
CREATE INDEX "guesses_expiry" ON "guesses" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "known_browsers_expiry" ON "known_browsers" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "logout_deliveries_next" ON "logout_deliveries" USING btree ("next_at");--> statement-breakpoint
CREATE INDEX "logout_deliveries_expiry" ON "logout_deliveries" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "one_time_values_id" ON "one_time_values" USING btree ("id");--> statement-breakpoint
CREATE INDEX "one_time_values_owner" ON "one_time_values" USING btree ("owner","kind");--> statement-breakpoint
CREATE INDEX "one_time_values_kept" ON "one_time_values" USING btree ("kept_until");--> statement-breakpoint
CREATE INDEX "passkeys_user" ON "passkeys" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_secret" ON "sessions" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "sessions_expiry" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "sign_ins_browser" ON "sign_ins" USING btree ("browser_hash");--> statement-breakpoint
CREATE INDEX "sign_ins_user" ON "sign_ins" USING btree ("user_id") WHERE user_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX "sign_ins_expiry" ON "sign_ins" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_username" ON "users" USING btree ("username");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email" ON "users" USING btree ("email_key") WHERE email_key IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "users_handle" ON "users" USING btree ("handle");--> statement-breakpoint
CREATE INDEX "grants_session" ON "grants" USING btree ("session_id") WHERE session_id IS NOT NULL;