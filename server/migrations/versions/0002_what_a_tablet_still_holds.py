"""What a tablet still holds

Revision 0002, after 0001.
"""

from alembic import op
import sqlalchemy as sa


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.add_column(sa.Column('unsent', sa.BigInteger(), nullable=True))


def downgrade():
    """Go back."""
    with op.batch_alter_table('device', schema=None) as batch_op:
        batch_op.drop_column('unsent')
